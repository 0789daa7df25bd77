// The port, for whoever is written against it.
export type {
  BuildImageOptions,
  BuildSecretValue,
  CallOptions,
  ContainerCreation,
  ContainerDetails,
  ContainerSummary,
  ContainerUpdate,
  DockerClient,
  DockerReader,
  DockerWriter,
  EngineEvent,
  EngineExecResult,
  EngineHealthcheck,
  EngineInfo,
  EngineLimits,
  EngineLogLine,
  EngineLogOptions,
  EngineMount,
  EventsOptions,
  ExecOptions,
  ImageBuild,
  ImageDetails,
  ImageProgress,
  Moment,
  ImageSummary,
  NetworkAttachment,
  NetworkCreation,
  ListVolumesOptions,
  NetworkSummary,
  PublishedPort,
  PullImageOptions,
  PutFile,
  VolumeCreation,
  VolumeSummary,
} from './docker-client.js';

// A client, and where it connects to.
export { connect, type ConnectOptions } from './connect.js';
export { DockerodeClient, type DockerodeClientOptions } from './dockerode-client.js';
export { parseEngineAddress } from './engine-address.js';
export type { EngineAddress, SocketAddress, SshAddress, TcpAddress, TlsMaterial } from './engine-address.js';
export { thisMachine, type Environment } from './environment.js';
export { findEngine, type EngineCandidate, type EngineChoice, type EngineSearch } from './find-engine.js';

// Pieces that a runtime needs beside the client.
export { contextDigest, type BuildSource } from './build-context.js';
export { FileDigests, type StampedFile } from './file-digests.js';
export { engineStatus, isSubnetTaken } from './docker-failure.js';

// The parts, each of which can be read and tested alone.
export { openBuildContext, type BuildContext } from './build-context.js';
export { packFiles, unpackFiles } from './config-archive.js';
export { commonApiVersion } from './connect.js';
export { toPlumbstackError } from './docker-failure.js';
export { Dockerignore } from './dockerignore.js';
export { FrameReader, type Frame } from './frame-reader.js';
export { parseImageReference, type ImageReference } from './image-reference.js';
export { needsBuildkit } from './needs-buildkit.js';
export { JsonSplitter } from './json-splitter.js';
export { proxyVariables } from './proxies.js';
export { LogAssembler } from './log-assembler.js';
export {
  RegistryCredentials,
  type FoundCredential,
  type RegistryCredential,
} from './registry-credentials.js';
export { SshAgent, sshArguments } from './ssh-agent.js';
export { toEngineContainer, type EngineContainer } from './to-engine.js';

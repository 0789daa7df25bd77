// For authors of runtimes and tests, outside semver: the pure stages between a spec and a plan.
export {
  planAddresses,
  type AddressPlan,
  type AddressSpace,
  type TakenAddresses,
} from './compile/address-plan.js';
export { FreeSubnets } from './compile/free-subnets.js';
export { topologyOf, type Topology } from './compile/topology.js';
export { publishedBy, type Inputs } from './compile/inputs.js';
export type { ContainerTemplate, DockerSpec, PoolUnit, RouterUnit, Unit } from './compile/docker-spec.js';
export { compileStack } from './compile/compile-stack.js';
export { withFronts } from './compile/fronts.js';
export { keptSecrets, type KeptSecret } from './compile/kept-secrets.js';
export {
  contains,
  formatAddress,
  formatSubnet,
  isIPv4Address,
  isIPv4Subnet,
  overlap,
  parseAddress,
  parseSubnet,
  sizeOf,
  type Subnet,
} from './compile/ipv4.js';
export { canonicalJson, contentDigest, digestOf } from './compile/spec-hash.js';

export { beingOf, type Being } from './plan/being.js';
export { diff, type Diff } from './plan/diff.js';
export { differences } from './plan/identity-diff.js';
export {
  observedContainer,
  takenAddresses,
  type ObservedContainer,
  type ObservedState,
} from './plan/observed-state.js';
export { contentOf, type Content, type TemplateFile } from './compile/content.js';
export {
  contentsFolder,
  isRead,
  readRecord,
  recordFile,
  withContents,
  type PoolRecord,
  type RouterRecord,
} from './plan/record.js';
export {
  bridgeOf,
  historyOf,
  keptVersions,
  settledVersion,
  versionOf,
  withVersion,
  type PoolHistory,
  type PoolVersion,
} from './plan/pool-version.js';
export { poolFiles, routerFiles, unsettledPoolFiles, type ProxyFiles } from './plan/proxy-files.js';
export { activeAddresses, roleOf, servingContainer } from './plan/serving.js';

// The same for what acts, in the parts that can be tried without an engine.
export { deadlineSignal, pauseFor, pollUntil, unlessAborted } from './apply/deadline.js';
export { countEstablished, countEstablishedTo } from './apply/drain-connections.js';
export { Fence } from './apply/fenced-client.js';
export { Gate } from './apply/gate.js';
export { hideSecrets } from './apply/hide-secrets.js';
export { complaintOf } from './apply/reach.js';
export { endpointOf, urlOf } from './deployment/endpoint.js';
export { JoinedLines } from './logs/joined-lines.js';
export { LogCursor } from './logs/log-cursor.js';
export { mergeLogs } from './logs/merge-logs.js';
export { staging, switchScript } from './deployment/switch-content.js';
export { recordedPool } from './deployment/recorded-pool.js';
export { observeStack } from './observe/observe-stack.js';
export { surveyStack } from './survey.js';

// What an engine that is data is made of.
export { emptyImage } from './apply/empty-image.js';
export { packFiles, unpackFiles } from './client/config-archive.js';
export { machineNetwork, machineSubnets, routedSubnets, routingTable } from './client/machine-subnets.js';
export { nanosecondsOf } from './client/nanoseconds.js';

// What is told of what happens by itself, without an engine.
export { ContainerBook } from './watch/container-book.js';
export { EngineFeed } from './watch/engine-feed.js';
export { OwnWork } from './watch/own-work.js';
export { PoolBook } from './watch/pool-book.js';

// Certificates that are made here.
export { isSelfSigned, renewalReason } from './certificate/renewal.js';
export { selfSigned } from './certificate/self-signed.js';

// How objects on the engine are told apart.
export { backstage, baseLabels, label, owner, type Role } from './labels.js';
export {
  appNetworkName,
  containerName,
  edgeNetworkName,
  frontName,
  leaseName,
  networkName,
  poolNetworkName,
  secretVolumeName,
  serviceNetworkName,
} from './object-names.js';
export { begunSource } from './deployment/begun-source.js';
export { choosePorts } from './observe/choose-ports.js';
export { portMoves, type PortMoves } from './plan/held-ports.js';
export { buildFailure } from './client/image-failure.js';
export { missingLibraries } from './client/system-libraries.js';

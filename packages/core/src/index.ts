// For users: what a program writes and reads.
export { Stack, isStack, type StackOptions } from './stack.js';
export { App, type AppOptions, type PoolDefaults } from './app.js';
export { Service, type ServiceOptions } from './service.js';
export { Pool, type Balance, type PoolOptions } from './pool.js';
export type { Sticky, StickyCookie } from './sticky.js';
export { Router, type RouterOptions } from './router.js';
export type {
  AcmeCertificate,
  Certificate,
  Hsts,
  OwnCertificate,
  SelfSignedCertificate,
  Tls,
} from './tls.js';
export type { Acme } from './acme.js';
export { type RateLimit, type Redirect, type RouteOptions } from './route.js';
export type { BasicAuth } from './basic-auth.js';
export type { Cors } from './cors.js';
export type { Maintenance } from './maintenance.js';
export { Volume, type VolumeOptions } from './volume.js';
export { Secret, type SecretOptions } from './secret.js';
export { plumber, type PlumberOptions, type PlumberSession } from './plumber.js';
export { node, type NodeOptions } from './node.js';
export { python, type PythonOptions } from './python.js';
export type { RecipeOptions } from './recipe.js';
export { postgres, type PostgresOptions } from './postgres.js';
export { redis, type RedisOptions } from './redis.js';
export type { Connect, Connection } from './connection.js';
export { Resource, isResource } from './resource.js';
export type { ContainerOptions } from './container-options.js';
export type { Build, BuildOptions, BuildSecret, FileStep, Image, ImageOptions } from './image.js';
export type { Logging } from './logging.js';
export type { CommandHealthCheck, HealthCheck, HttpHealthCheck, TcpHealthCheck } from './health-check.js';
export type { BindMount, File, Mount, TmpfsMount, VolumeMount } from './mount.js';
export type { SecretMount } from './secret-mount.js';
export type { Publish, PublishOptions } from './publish.js';
export {
  PlumbstackError,
  isPlumbstackError,
  type PlumbstackErrorCode,
  type PlumbstackErrorOptions,
} from './errors.js';
export type { Problem } from './problem.js';
export { readPlan, type Plan, type Step, type StepAction, type StepReason } from './plan.js';
export type {
  ContainerState,
  ContainerStatus,
  Deployment,
  DownOptions,
  ExecResult,
  LogLine,
  LogOptions,
  LogSeam,
  PlanOptions,
  PoolStats,
  ResourceReference,
  ResourceStatus,
  RollbackOptions,
  Runtime,
  StackStatus,
  StackSummary,
  UpOptions,
  Version,
  VolumeCopyOptions,
  WatchOptions,
  WaitOptions,
  WorkerStats,
} from './runtime.js';

// For authors of runtimes: the spec, and the pieces that every runtime needs.
export type {
  AcmeSpec,
  AppSpec,
  BalanceSpec,
  BuildSecretSpec,
  BuildStepsSpec,
  BasicAuthSpec,
  CertificateSpec,
  ContainerSpec,
  CorsSpec,
  FileSpec,
  FileStepSpec,
  HealthSpec,
  LoggingSpec,
  HealthTiming,
  HstsSpec,
  ImageSpec,
  MaintenanceSpec,
  MountSpec,
  PoolSpec,
  ProbeSpec,
  PublishSpec,
  PullPolicy,
  QueueSpec,
  ResourceKind,
  ResourceLimits,
  ResourceSpec,
  RestartPolicy,
  RouterSpec,
  RouteSpec,
  RouteTarget,
  SecretEncoding,
  SecretMountSpec,
  SecretSource,
  SecretSpec,
  ServiceSpec,
  StackSpec,
  StickySpec,
  TlsSpec,
  UpdateSpec,
  VolumeSpec,
} from './spec.js';
export {
  aFunction,
  integer,
  isRecord,
  line,
  nearest,
  options,
  refuse,
  refuseNamed,
  signal,
  type Check,
  type Checks,
} from './check.js';
export { aboutResource } from './errors.js';
export { createPlan } from './plan.js';
export { dependenciesFirst, findCycle, type Graph } from './graph.js';
export { defaultDrainTimeoutMs } from './drain-timeout.js';
export { defaultKeepVersions } from './keep-versions.js';
export { freeze } from './freeze.js';
export {
  balancerStopped,
  finishing,
  gone,
  isStopFirst,
  portsTakenOver,
  requestsInTurn,
  routerReloaded,
  routerStopped,
  staysUntilReplaced,
  stoppedFirst,
  workersReplaced,
  type Changed,
  type HostPort,
  type Impact,
  type Updated,
} from './impact.js';
export { framingHeaders, resourcePath } from './name.js';
export { certifiedHosts, servedHosts } from './certified-hosts.js';
export { secretText, secretValue, type SecretForm } from './secret-mount.js';
export { poolPort, poolStatsPort } from './pool.js';
export { addressesOverlap } from './publish.js';
export { defaultRouterImage, routerPort, routerTlsPort } from './router.js';
export { startGraph } from './validate.js';
export { deploymentArguments, runtimeArguments } from './verb-arguments.js';
export {
  downOptions,
  logOptions,
  rollbackOptions,
  upOptions,
  volumeCopyOptions,
  waitOptions,
} from './verb-options.js';

// For the runtimes: from a model to a proxy's files.
export type { HaproxyModel, NginxModel, NginxRoute, ProxyFile } from './proxy-model.js';
export { renderNginx } from './nginx-config.js';
export { renderHaproxy, serverStateFile } from './haproxy-config.js';
export { haproxyRunFolder, poolBackend, poolFrontend, serverName } from './haproxy-names.js';
export { retryAfterSeconds } from './retry-after.js';

// For the runtimes: talking to a proxy from inside its container.
export {
  adminCommand,
  admitCommands,
  drainCommands,
  endOfLook,
  holdCommands,
  moveCommand,
  parseInfo,
  parseServersState,
  parseStat,
  poolStats,
  readyCommands,
  saveStateCommand,
  setServer,
  showInfo,
  showServersState,
  showStat,
  vacateCommands,
  watchStatCommand,
  type AdminCommand,
  type ProxyStat,
  type ServerSetting,
  type ServerStat,
  type ServerState,
  type StatTable,
} from './runtime-api.js';
export {
  answersCommand,
  checkedHost,
  httpGetCommand,
  nginxRevisionCommand,
  waitUntilAnswersCommand,
  type Readiness,
} from './loopback.js';
export { openRequests } from './stub-status.js';
export { endingBalancers, endingProcesses } from './ending.js';
export { makeRoomCommand } from './old-generations.js';
export { sweepCommand } from './sweep.js';
export { unsentRequests } from './unsent-requests.js';

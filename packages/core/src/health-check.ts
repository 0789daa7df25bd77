import { argument, integer, list, matching, oneOf, options, refuse, type Check } from './check.js';
import { plainHostName } from './name.js';
import type { HealthSpec, HealthTiming, ProbeSpec } from './spec.js';

interface HealthTimingOptions {
  /** Time between two checks, in milliseconds. @default 1000 (5000 for a command) */
  readonly intervalMs?: number;
  /** How long one check may take, in milliseconds. @default 2000 (5000 for a command) */
  readonly timeoutMs?: number;
  /** Failures in a row that make it unhealthy. @default 3 */
  readonly retries?: number;
}

/** Healthy when a connection to its port opens. Does not queue behind a computing R process, as a request would. */
export interface TcpHealthCheck extends HealthTimingOptions {
  readonly tcp: true;
}
/** Healthy when a GET of this path answers with a status in the range. */
export interface HttpHealthCheck extends HealthTimingOptions {
  /** Path and query, as `/health`. */
  readonly http: string;
  /**
   * Host that the request names, for an app that answers its own hosts only.
   * @default a host that visitors ask for, by a route or router that leads to it; of several the first by the alphabet; else
   * `localhost`
   */
  readonly host?: string;
  /** @default 200 */
  readonly minStatus?: number;
  /** @default 399 */
  readonly maxStatus?: number;
}
/** Healthy when this command, run in the container by the engine, ends with 0. */
export interface CommandHealthCheck extends HealthTimingOptions {
  readonly command: readonly string[];
}
export type HealthCheck = TcpHealthCheck | HttpHealthCheck | CommandHealthCheck;

const duration = integer(1, 3_600_000);
const status = integer(100, 599);
// What may stand in a request line: RFC 3986 path and query, without the quotes and braces that a proxy's
// configuration would give a meaning.
const requestPath = matching(
  /^(?=.{1,1000}$)\/(?:[A-Za-z0-9\-._~!&()*+,=:@/?]|%[0-9A-Fa-f]{2})*$/,
  'a path such as "/health" of at most 1000 characters, percent-encoded where it holds other characters',
);

export const healthCheck: Check<HealthSpec> = (value, path) => {
  const given = options<Partial<TcpHealthCheck & HttpHealthCheck & CommandHealthCheck>>(value, path, {
    tcp: oneOf(true),
    http: requestPath,
    host: plainHostName,
    minStatus: status,
    maxStatus: status,
    command: list(argument),
    intervalMs: duration,
    timeoutMs: duration,
    retries: integer(1, 100),
  });
  const kinds = [given.tcp, given.http, given.command].filter((each) => each !== undefined).length;
  if (kinds !== 1)
    refuse(path, 'exactly one of { tcp: true }, { http: "/path" } and { command: [...] }', value);
  for (const bound of ['host', 'minStatus', 'maxStatus'] as const) {
    if (given.http === undefined && given[bound] !== undefined)
      refuse(`${path}.${bound}`, 'left out without http', given[bound]);
  }
  const slow = given.command !== undefined;
  const timing: HealthTiming = {
    intervalMs: given.intervalMs ?? (slow ? 5000 : 1000),
    timeoutMs: given.timeoutMs ?? (slow ? 5000 : 2000),
    retries: given.retries ?? 3,
  };
  if (given.command !== undefined) {
    if (given.command.length === 0)
      refuse(`${path}.command`, 'a command with at least a program', given.command);
    return { type: 'command', command: given.command, ...timing };
  }
  if (given.http !== undefined) {
    const { http, host, minStatus = 200, maxStatus = 399 } = given;
    if (minStatus > maxStatus) refuse(`${path}.minStatus`, `at most maxStatus (${maxStatus})`, minStatus);
    return { type: 'http', path: http, ...(host !== undefined && { host }), minStatus, maxStatus, ...timing };
  }
  return { type: 'tcp', ...timing };
};

/** The check of an app that names none. */
export const defaultHealth: ProbeSpec = { type: 'tcp', intervalMs: 1000, timeoutMs: 2000, retries: 3 };

import {
  aFunction,
  flag,
  integer,
  isRecord,
  numberFrom,
  options,
  refuse,
  signal,
  type Check,
  type Checks,
} from './check.js';
import type { Plan } from './plan.js';
import type {
  DownOptions,
  LogOptions,
  UpOptions,
  VolumeCopyOptions,
  WaitOptions,
  WatchOptions,
} from './runtime.js';

/** For authors of runtimes: the options of a verb that takes no others, checked. Throws `INVALID_OPTION`. */
export function waitOptions(verb: string, given: unknown = {}): WaitOptions {
  return options(given, verb, waitChecks);
}

/** For authors of runtimes: the options of `up`, checked. Throws `INVALID_OPTION`. */
export function upOptions(given: unknown = {}): UpOptions {
  return options(given, 'up', upChecks);
}

/** For authors of runtimes: the options of `watch`, checked. Throws `INVALID_OPTION`. */
export function watchOptions(given: unknown = {}): WatchOptions {
  return options(given, 'watch', watchChecks);
}

/** For authors of runtimes: the options of `down`, checked. Throws `INVALID_OPTION`. */
export function downOptions(given: unknown = {}): DownOptions {
  return options(given, 'down', downChecks);
}

/** For authors of runtimes: the options of `logs`, checked. Throws `INVALID_OPTION`. */
export function logOptions(given: unknown = {}): LogOptions {
  return options(given, 'logs', logChecks);
}

/** For authors of runtimes: the options of `exportVolume` and `importVolume`, checked. Throws `INVALID_OPTION`. */
export function volumeCopyOptions(verb: string, given: unknown = {}): VolumeCopyOptions {
  return options(given, verb, volumeCopyChecks);
}

/** For authors of runtimes: the options of `rollback`, checked; `to` as digits alone. Throws `INVALID_OPTION`. */
export function rollbackOptions(given: unknown = {}): WaitOptions & { readonly to?: string } {
  return options(given, 'rollback', rollbackChecks);
}

/** As many digits as two versions of one resource never share by chance. */
const digestDigits = /^[0-9a-f]{8,64}$/;

const version: Check<string> = (value, path) => {
  const digest = isRecord(value) ? value['digest'] : value;
  if (typeof digest === 'string' && digestDigits.test(digest)) return digest;
  return refuse(
    path,
    'a version, or at least the first eight digits of its digest',
    value,
    'deployment.versions(pool) lists them.',
  );
};

const plan: Check<Plan> = (value, path) => {
  if (!isRecord(value) || typeof value['fingerprint'] !== 'string') {
    refuse(path, 'what plan() resolved to, or readPlan() of its JSON', value);
  }
  return value as unknown as Plan;
};

const moment: Check<Date> = (value, path) => {
  const isMoment = value instanceof Date && !Number.isNaN(value.getTime());
  if (!isMoment) refuse(path, 'a Date', value);
  return value;
};

const waitChecks: Checks<WaitOptions> = {
  signal,
  // No deadline is none at all too.
  timeoutMs: numberFrom(0, Infinity, 'a number of milliseconds'),
};
const upChecks: Checks<UpOptions> = { ...waitChecks, plan, confirm: aFunction };
const watchChecks: Checks<WatchOptions> = {
  signal,
  debounceMs: integer(0, 60_000),
  pollMs: integer(50),
  onError: aFunction,
};
const downChecks: Checks<DownOptions> = { ...waitChecks, volumes: flag, images: flag };
const rollbackChecks: Checks<WaitOptions & { readonly to?: string }> = { ...waitChecks, to: version };
const volumeCopyChecks: Checks<VolumeCopyOptions> = { ...waitChecks, stop: flag };
const logChecks: Checks<LogOptions> = { since: moment, tail: integer(0), follow: flag, signal };

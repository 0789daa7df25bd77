import { PlumbstackError } from './errors.js';

/**
 * A check takes what the user passed and where, and returns it typed or throws. Small functions rather than a schema
 * library: this package has no dependency, and the checks live beside the options they are about.
 */
export type Check<T> = (value: unknown, path: string) => T;

/**
 * For authors of runtimes: fails with the path, what was given with its kind, and what was wanted.
 *
 * @param hint what to do, where the wanted does not say it yet
 */
export function refuse(path: string, wanted: string, value: unknown, hint?: string): never {
  return refuseNamed(path, wanted, describe(value), hint);
}

/** For authors of runtimes: as {@link refuse}, for a value that has a better name than its kind. */
export function refuseNamed(path: string, wanted: string, given: string, hint?: string): never {
  throw new PlumbstackError('INVALID_OPTION', `${path} must be ${wanted}, not ${given}.`, {
    details: { path, wanted },
    ...(hint !== undefined && { hint }),
  });
}

/** As {@link refuse}, for a value that may be a secret: the message does not show it. */
export function refuseUnseen(path: string, wanted: string): never {
  throw new PlumbstackError('INVALID_OPTION', `${path} must be ${wanted}.`, { details: { path, wanted } });
}

/** A value as a message shows it: its kind, and its text on one line, cut short. */
function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object') return describeObject(value);
  return `the ${typeof value === 'string' ? 'text' : typeof value} ${quote(value)}`;
}

/** An object by its class: what was forgotten to be awaited is a Promise. */
function describeObject(value: object): string {
  if (Array.isArray(value)) return 'an array';
  const made: unknown = Reflect.get(Object.getPrototypeOf(value) ?? {}, 'constructor');
  const name = typeof made === 'function' && made !== Object ? made.name : '';
  if (!/^[A-Z]\w{0,40}$/.test(name)) return 'an object';
  return `${/^[AEIOU]/.test(name) ? 'an' : 'a'} ${name}`;
}

function quote(value: unknown): string {
  const quoted = typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : String(value);
  return quoted.length > 60 ? `${quoted.slice(0, 57)}...` : quoted;
}

// NUL and line ends have no place in any name, path, header or argument that reaches an engine or a proxy. A tab has:
// file names hold it.
// eslint-disable-next-line no-control-regex
const controlCharacter = /[\u0000-\u0008\u000a-\u001f\u007f]/;

export const text: Check<string> = (value, path) => {
  if (typeof value !== 'string') refuse(path, 'a string', value);
  return value;
};

/** One line: not empty, no control character but the tab. */
export const line: Check<string> = (value, path) => {
  if (typeof value !== 'string' || value === '' || controlCharacter.test(value)) {
    refuse(path, 'a string of one line that is not empty', value);
  }
  return value;
};

export const argument: Check<string> = (value, path) => {
  if (typeof value !== 'string' || value.includes('\0')) refuse(path, 'a string without NUL', value);
  return value;
};

export const flag: Check<boolean> = (value, path) => {
  if (typeof value !== 'boolean') refuse(path, 'true or false', value);
  return value;
};

export function integer(min: number, max = Number.MAX_SAFE_INTEGER): Check<number> {
  const wanted =
    max === Number.MAX_SAFE_INTEGER
      ? `a whole number of at least ${min}`
      : `a whole number from ${min} to ${max}`;
  return (value, path) => {
    if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) {
      refuse(path, wanted, value);
    }
    return (value as number) + 0; // -0 becomes 0, which is what JSON makes of it
  };
}

/** A number that need not be whole. */
export function numberFrom(
  min: number,
  max: number,
  wanted = `a number from ${min} to ${max}`,
): Check<number> {
  return (value, path) => {
    if (typeof value !== 'number' || !(value >= min && value <= max)) refuse(path, wanted, value);
    return value;
  };
}

export function oneOf<const T extends readonly (string | boolean)[]>(...allowed: T): Check<T[number]> {
  return (value, path) => {
    if (!allowed.includes(value as T[number])) {
      refuse(path, allowed.map((each) => JSON.stringify(each)).join(' or '), value);
    }
    return value as T[number];
  };
}

// Of another realm it is no instance of this one's class, and works all the same.
export const signal: Check<AbortSignal> = (value, path) => {
  const isSignal =
    typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value;
  if (!isSignal) refuse(path, 'an AbortSignal', value);
  return value as AbortSignal;
};

/** A function; what it takes and gives shows when it is called. */
export const aFunction = <F>(value: unknown, path: string): F => {
  if (typeof value !== 'function') refuse(path, 'a function', value);
  return value as F;
};

/** A command and its arguments. */
export const words: Check<readonly string[]> = (value, path) => {
  if (!Array.isArray(value))
    refuse(
      path,
      'an array of words',
      value,
      "Write each word by itself, as ['ls', '-l'], or ask a shell: ['sh', '-c', 'ls -l'].",
    );
  return list(argument)(value, path);
};

export function matching(pattern: RegExp, wanted: string): Check<string> {
  return (value, path) => {
    if (typeof value !== 'string' || !pattern.test(value)) refuse(path, wanted, value);
    return value;
  };
}

/** An absolute path inside a container: normalised, no `..`, no `//`. */
export const containerPath: Check<string> = (value, path) => {
  const ok =
    line(value, path).startsWith('/') &&
    value !== '/' &&
    !(value as string)
      .split('/')
      .some((part, index) => (index > 0 && part === '') || part === '..' || part === '.');
  if (!ok) refuse(path, 'an absolute path in the container, such as "/data"', value);
  return value as string;
};

export function list<T>(item: Check<T>): Check<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) refuse(path, 'an array', value);
    // Array.from visits the holes of a sparse array, which `map` would leave unchecked.
    return Array.from(value as readonly unknown[], (each, index) => item(each, `${path}[${index}]`));
  };
}

/** One or many: `80` and `[80]` mean the same. */
export function oneOrMany<T>(item: Check<T>): Check<readonly T[]> {
  const many = list(item);
  return (value, path) => (Array.isArray(value) ? many(value, path) : [item(value, path)]);
}

export function dictionary<T>(key: Check<string>, item: Check<T>): Check<Readonly<Record<string, T>>> {
  return (value, path) => {
    if (!isRecord(value)) refuse(path, 'an object', value);
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [
        key(name, `${path}: the name`),
        item(each, `${path}.${name}`),
      ]),
    );
  };
}

/** An object whose own properties are all there is to it. An array is none, nor is a Map: its entries would be lost. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !(Symbol.iterator in value);
}

/** What {@link options} accepts: a check for each known option. */
export type Checks<T> = { readonly [K in keyof T]-?: Check<Exclude<T[K], undefined>> };

/** Checks an options object: every option known, every given one right. Options left out stay left out. */
export function options<T extends object>(value: unknown, path: string, checks: Checks<T>): T {
  if (!isRecord(value)) refuse(path, 'an object of options', value);
  const checked: Record<string, unknown> = {};
  for (const [name, given] of Object.entries(value)) {
    const check = Object.hasOwn(checks, name) ? checks[name as keyof T] : undefined;
    if (check === undefined) refuseUnknown(path, name, Object.keys(checks));
    if (given !== undefined) checked[name] = check(given, `${path}.${name}`);
  }
  return checked as T;
}

function refuseUnknown(path: string, name: string, known: readonly string[]): never {
  const near = known.find((each) => each.toLowerCase() === name.toLowerCase()) ?? nearest(name, known);
  throw new PlumbstackError('INVALID_OPTION', `${path} has no option ${quote(name)}.`, {
    details: { path: `${path}.${name}`, known },
    hint:
      near === undefined
        ? `Known options: ${known.join(', ') || 'none'}.`
        : `Did you mean ${JSON.stringify(near)}?`,
  });
}

/** For authors of runtimes: the name that was probably meant. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > 40) return undefined; // nothing is near, and the distance to something long takes long
  const ranked = known.map((each) => ({ each, far: distance(name, each) })).sort((a, b) => a.far - b.far);
  const best = ranked[0];
  // Two letters that changed places are two edits.
  return best !== undefined && best.far <= Math.max(name.length > 4 ? 2 : 1, name.length / 3)
    ? best.each
    : undefined;
}

/** Levenshtein distance: how many single-letter edits lie between two names. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substitute));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

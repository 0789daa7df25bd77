import { argument, containerPath, isRecord, oneOf, options, refuse, type Check } from './check.js';
import { environmentName } from './name.js';
import { isResource } from './resource.js';
import type { Secret } from './secret.js';
import type { SecretEncoding, SecretMountSpec } from './spec.js';

/**
 * Where a secret appears in the container: a file that only the container's user can read. `validate` refuses one below a bind
 * mount or a volume, where it would be written through and stay.
 */
export interface SecretMount {
  readonly secret: Secret;
  /** Path of the file. @default '/run/secrets/' and the secret's name */
  readonly target?: string;
  /**
   * Environment variable that holds the value too, for a program that reads no file. It is set in the container, by the
   * shell that starts the program, so `docker inspect` does not show it; commands that are run beside the program, as
   * health checks and `exec`, do not have it. Line ends at the end of the value are left out. Needs `/bin/sh` in the image.
   * @default none
   */
  readonly env?: string;
  /** Text before the value. @default none */
  readonly prefix?: string;
  /** Text behind the value. @default none */
  readonly suffix?: string;
  /**
   * How the value is written between them: for a URL, for a line of PostgreSQL's password file, or in double quotes with
   * escapes as Redis' configuration has them. Line ends at its end are left out.
   * @default as it is
   */
  readonly encoding?: SecretEncoding;
}

export const secretReference: Check<Secret> = (value, path) => {
  if (!isResource(value, 'secret')) refuse(path, 'a secret made by stack.secret(...)', value);
  return value as Secret;
};

/** A secret, or where and how it appears. */
export const secretMount: Check<SecretMountSpec> = (value, path) => {
  const given: Partial<SecretMount> =
    isResource(value) || !isRecord(value)
      ? { secret: secretReference(value, path) }
      : options<Partial<SecretMount>>(value, path, {
          secret: secretReference,
          target: containerPath,
          env: environmentName,
          prefix: argument,
          suffix: argument,
          encoding: oneOf('uri', 'pgpass', 'quoted'),
        });
  const { secret, target, env, prefix, suffix, encoding } = given;
  if (secret === undefined) refuse(`${path}.secret`, 'a secret made by stack.secret(...)', undefined);
  return {
    secret: secret.name,
    target: target ?? `/run/secrets/${secret.name}`,
    ...(env !== undefined && { env }),
    ...(prefix !== undefined && { prefix }),
    ...(suffix !== undefined && { suffix }),
    ...(encoding !== undefined && { encoding }),
  };
};

/** How a secret's file differs from its value. */
export type SecretForm = Pick<SecretMountSpec, 'prefix' | 'suffix' | 'encoding'>;

/**
 * For authors of runtimes: what a secret's file holds where it is not the value alone.
 *
 * @returns nothing where the file is the value, byte by byte
 */
export function secretText(form: SecretForm, value: () => string): string | undefined {
  const { prefix = '', suffix = '', encoding } = form;
  if (prefix === '' && suffix === '' && encoding === undefined) return undefined;
  const text = value().replace(/(?:\r?\n)+$/, '');
  return `${prefix}${encoding === undefined ? text : encode[encoding](text)}${suffix}`;
}

const encode: Readonly<Record<SecretEncoding, (text: string) => string>> = {
  // encodeURIComponent leaves marks alone that RFC 3986 reserves, section 2.2.
  uri: (text) =>
    encodeURIComponent(text).replace(
      /[!'()*]/g,
      (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`,
    ),
  // https://www.postgresql.org/docs/current/libpq-pgpass.html
  pgpass: (text) => text.replace(/[:\\]/g, '\\$&'),
  // https://redis.io/docs/latest/operate/oss_and_stack/management/config/: arguments as in C, \xHH among them
  quoted: (text) =>
    `"${text.replace(/["\\]/g, '\\$&').replace(controlCharacters, (each) => `\\x${each.charCodeAt(0).toString(16).padStart(2, '0')}`)}"`,
};

/**
 * For authors of runtimes: the value that a secret's file was made of, but for line ends that its form leaves out.
 *
 * @returns nothing where the file has another form
 */
export function secretValue(form: SecretForm, file: string): string | undefined {
  const { prefix = '', suffix = '', encoding } = form;
  const isOfForm =
    file.length >= prefix.length + suffix.length && file.startsWith(prefix) && file.endsWith(suffix);
  if (!isOfForm) return undefined;
  const text = file.slice(prefix.length, file.length - suffix.length);
  return encoding === undefined ? text : decode[encoding](text);
}

const decode: Readonly<Record<SecretEncoding, (text: string) => string | undefined>> = {
  uri: (text) => {
    try {
      return decodeURIComponent(text);
    } catch {
      return undefined;
    }
  },
  pgpass: (text) => text.replace(/\\([:\\])/g, '$1'),
  quoted: (text) =>
    /^".*"$/s.test(text)
      ? text
          .slice(1, -1)
          .replace(/\\(?:x([0-9a-f]{2})|(["\\]))/g, (_, code?: string, each?: string) =>
            code === undefined ? (each ?? '') : String.fromCharCode(parseInt(code, 16)),
          )
      : undefined,
};

// eslint-disable-next-line no-control-regex
const controlCharacters = /[\u0000-\u001f\u007f]/g;

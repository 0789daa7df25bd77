import { dictionary, line, matching, refuse, type Check } from './check.js';
import type { Image } from './image.js';
import type { Secret } from './secret.js';
import type { Service, ServiceOptions } from './service.js';
import type { Stack } from './stack.js';
import type { Volume } from './volume.js';

export interface RedisOptions extends Omit<
  ServiceOptions,
  'build' | 'command' | 'connection' | 'entrypoint' | 'health' | 'image'
> {
  /** Redis, or Valkey as `valkey/valkey:9`, with the official images' entry point. @default 'redis:8' */
  readonly image?: Image;
  /** @default a generated secret, `<name>-password` */
  readonly password?: Secret;
  /** Where the data lies. @default a volume, `<name>-data` */
  readonly volume?: Volume;
  /** The server's settings, as `{ maxmemory: '100mb' }`. @default the image's, and `appendonly yes`: data outlives a crash */
  readonly settings?: Readonly<Record<string, string>>;
}

const port = 6379;
const settingName = matching(/^[a-z][a-z0-9-]*$/, 'the name of a setting of Redis');
const settingValue: Check<string> = (value, path) => {
  const text = line(value, path);
  // redis-server takes an argument that begins so for the next setting's name.
  if (text.startsWith('--')) refuse(path, 'a value that does not begin with "--"', text);
  return text;
};

// The password arrives on standard input, as a line of configuration: arguments are seen by everybody who may look at the
// processes, and the file by root only, which the entry point ceases to be.
const run = 'exec docker-entrypoint.sh "$@" - < "$PLUMBSTACK_REDIS_CONF"';
const check =
  '[ "$(REDISCLI_AUTH=$(cat "$PLUMBSTACK_REDIS_PASSWORD") redis-cli --no-auth-warning ping)" = PONG ]';

/**
 * Adds a Redis, or Valkey, to a stack: the service, a volume for its data, and a generated password. What connects to it
 * gets `REDIS_HOST`, `REDIS_PORT` and `REDIS_PASSWORD_FILE`; its URL is for `urlEnv`, as `REDIS_URL`.
 *
 * @example
 * const cache = redis(stack, 'cache', { settings: { maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' } });
 * stack.app('api', plumber('./api/plumber.R', { connect: [cache] }));
 */
export function redis(stack: Stack, name: string, given: RedisOptions = {}): Service {
  const { image = 'redis:8', settings = {}, ...rest } = given;
  dictionary(settingName, settingValue)(settings, `${name}.settings`);
  const secret = rest.password ?? stack.secret(`${name}-password`, { generateBytes: 24 });
  const volume = rest.volume ?? stack.volume(`${name}-data`);
  const { password: _, volume: __, ...container } = rest;
  const configFile = `/run/secrets/${name}.conf`;
  const passwordFile = `/run/secrets/${name}.password`;
  const all = { appendonly: 'yes', ...settings };
  return stack.service(name, {
    stopGraceMs: 30_000,
    ...container,
    image,
    entrypoint: ['sh', '-c', run, 'redis'],
    command: ['redis-server', ...Object.entries(all).flatMap(([key, value]) => [`--${key}`, value])],
    env: {
      PLUMBSTACK_REDIS_CONF: configFile,
      PLUMBSTACK_REDIS_PASSWORD: passwordFile,
      ...container.env,
    },
    mounts: [...(container.mounts ?? []), { volume, target: '/data' }],
    secrets: [
      ...(container.secrets ?? []),
      { secret, target: configFile, prefix: 'requirepass ', suffix: '\n', encoding: 'quoted' },
      { secret, target: passwordFile },
    ],
    health: { command: ['sh', '-c', check], intervalMs: 2000 },
    connection: {
      env: { REDIS_HOST: name, REDIS_PORT: String(port), REDIS_PASSWORD_FILE: passwordFile },
      secrets: [{ secret, target: passwordFile }],
      url: {
        secret,
        target: `/run/secrets/${name}.url`,
        prefix: 'redis://:',
        suffix: `@${name}:${port}`,
        encoding: 'uri',
      },
    },
  });
}

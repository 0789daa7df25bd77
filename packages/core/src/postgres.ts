import { dictionary, line, matching, refuse, type Check } from './check.js';
import type { Image } from './image.js';
import type { File, Mount } from './mount.js';
import type { Secret } from './secret.js';
import type { Service, ServiceOptions } from './service.js';
import type { Stack } from './stack.js';
import type { Volume } from './volume.js';

export interface PostgresOptions extends Omit<
  ServiceOptions,
  'build' | 'command' | 'connection' | 'entrypoint' | 'health' | 'image'
> {
  /**
   * Image with the official one's entry point, as PostGIS' and TimescaleDB's have it too. Another major version cannot
   * read the data of the one before: the update is undone, and the data stays as it was.
   * @default 'postgres:18'
   */
  readonly image?: Image;
  /** Made at the first start. @default the service's name */
  readonly database?: string;
  /** Role that owns the database, made at the first start: the server's superuser. @default the database's name */
  readonly user?: string;
  /** The role's password; another value becomes the role's when the server starts. @default a generated secret, `<name>-password` */
  readonly password?: Secret;
  /** Where the data lies. @default a volume, `<name>-data` */
  readonly volume?: Volume;
  /** The server's settings, as `{ max_connections: '50' }`. @default the image's */
  readonly settings?: Readonly<Record<string, string>>;
  /**
   * SQL files of the machine that runs the program, run in this order when the database is made and never again.
   * @default none
   */
  readonly initFiles?: readonly string[];
}

const port = 5432;
// Not where the image declares a volume of its own in any version, and not named after the version: a server of another
// one then finds data that it refuses, rather than none.
// https://github.com/docker-library/docs/blob/master/postgres/README.md#pgdata
const mountedAt = '/var/lib/postgresql';
const dataFolder = `${mountedAt}/pgdata`;

const settingName = matching(/^[a-z_][a-z0-9_.]*$/i, 'the name of a setting of PostgreSQL');
const identifier: Check<string> = (value, path) => {
  const name = line(value, path);
  // PostgreSQL cuts off what is longer, and would make another name of it.
  if (name.length > 63) refuse(path, 'a name of at most 63 characters', name);
  return name;
};

// Answers when the server does, over TCP: while the entry point prepares the database, only its socket answers. The
// first answer of a container gives the role its password, since the entry point does so only when the database is made.
// psql hashes it: the server, and so its log, never sees it. It reads the password twice, as from a person.
const check = [
  'pg_isready --quiet --host=127.0.0.1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" || exit 1',
  '[ -e /dev/shm/plumbstack-password ] && exit 0',
  'IFS= read -r password < "$POSTGRES_PASSWORD_FILE" || [ -n "$password" ] || exit 1',
  'printf "%s\\n%s\\n" "$password" "$password" |' +
    ' psql --quiet --no-psqlrc --no-password --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" --command="\\\\password" 2>&1 || exit 1',
  ': > /dev/shm/plumbstack-password',
].join('\n');

/**
 * Adds a PostgreSQL to a stack: the service, a volume for its data, and a generated password. What connects to it gets
 * `PGHOST`, `PGPORT`, `PGUSER`, `PGDATABASE` and `PGPASSFILE`, which every client that is made with libpq reads by itself;
 * its URL is for `urlEnv`, as `DATABASE_URL`.
 *
 * @example
 * const db = postgres(stack, 'db');
 * stack.app('api', plumber('./api/plumber.R', { packages: ['RPostgreSQL'], connect: [db] }));
 */
export function postgres(stack: Stack, name: string, given: PostgresOptions = {}): Service {
  const {
    image = 'postgres:18',
    database = name,
    user = database,
    settings = {},
    initFiles = [],
    ...rest
  } = given;
  identifier(database, `${name}.database`);
  identifier(user, `${name}.user`);
  dictionary(settingName, line)(settings, `${name}.settings`);
  const password = rest.password ?? stack.secret(`${name}-password`, { generateBytes: 24 });
  const volume = rest.volume ?? stack.volume(`${name}-data`);
  const { password: _, volume: __, ...container } = rest;
  const passwordFile = `/run/secrets/${name}.password`;
  const login = (text: string): string => encodeURIComponent(text);
  const inPassFile = (text: string): string => text.replace(/[:\\]/g, '\\$&');
  return stack.service(name, {
    stopGraceMs: 60_000,
    ...container,
    image,
    command: ['postgres', ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])],
    env: {
      POSTGRES_DB: database,
      POSTGRES_USER: user,
      POSTGRES_PASSWORD_FILE: passwordFile,
      PGDATA: dataFolder,
      ...container.env,
    },
    mounts: [...(container.mounts ?? []), { volume, target: mountedAt } satisfies Mount],
    files: [...(container.files ?? []), ...initFiles.map(initFile)],
    secrets: [...(container.secrets ?? []), { secret: password, target: passwordFile }],
    health: { command: ['sh', '-c', check], intervalMs: 2000, timeoutMs: 10_000 },
    connection: {
      env: {
        PGHOST: name,
        PGPORT: String(port),
        PGDATABASE: database,
        PGUSER: user,
        PGPASSFILE: `/run/secrets/${name}.pgpass`,
      },
      secrets: [
        {
          secret: password,
          target: `/run/secrets/${name}.pgpass`,
          prefix: `${name}:${port}:*:${inPassFile(user)}:`,
          suffix: '\n',
          encoding: 'pgpass',
        },
      ],
      url: {
        secret: password,
        target: `/run/secrets/${name}.url`,
        prefix: `postgresql://${login(user)}:`,
        suffix: `@${name}:${port}/${login(database)}`,
        encoding: 'uri',
      },
    },
  });
}

/** The entry point runs files in the order of their names. */
function initFile(source: string, index: number): File {
  const extension = /\.(?:sql|sql\.gz|sh)$/.exec(source)?.[0] ?? '.sql';
  return { source, target: `/docker-entrypoint-initdb.d/${String(index).padStart(3, '0')}${extension}` };
}

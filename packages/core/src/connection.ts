import { argument, dictionary, isRecord, list, matching, options, refuse, type Check } from './check.js';
import { environmentName } from './name.js';
import { isResource } from './resource.js';
import { secretMount, type SecretMount } from './secret-mount.js';
import type { Secret } from './secret.js';
import type { Service } from './service.js';
import type { SecretMountSpec } from './spec.js';

/** What a container needs to use a service. */
export interface Connection {
  /** Environment variables, as `{ PGHOST: 'db' }`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Secrets, each a file. */
  readonly secrets?: readonly (Secret | SecretMount)[];
  /** All in one URL, for who asks with {@link Connect.urlEnv}: the secret between its `prefix` and `suffix`. */
  readonly url?: SecretMount;
}

/** A service to connect to, and under which variables. */
export interface Connect {
  readonly service: Service;
  /** Put before the names of the variables, as `REPORTS_`: for two services of one kind. @default '' */
  readonly envPrefix?: string;
  /**
   * Variable that gets the service's URL, password included, as `DATABASE_URL`. It is set as {@link SecretMount.env} is.
   * @default none
   */
  readonly urlEnv?: string;
}

export interface CheckedConnection {
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: readonly SecretMountSpec[];
  readonly url?: SecretMountSpec;
}

export const connection: Check<CheckedConnection> = (value, path) => {
  const {
    env = {},
    secrets = [],
    url,
  } = options<Partial<CheckedConnection>>(value, path, {
    env: dictionary(environmentName, argument),
    secrets: list(secretMount),
    url: secretMount,
  });
  return { env, secrets, ...(url !== undefined && { url }) };
};

/** What all connections of a container bring together. */
export interface Connections {
  readonly services: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: readonly SecretMountSpec[];
}

const service: Check<Service> = (value, path) => {
  if (!isResource(value, 'service')) refuse(path, 'a service made by stack.service(...)', value);
  return value as Service;
};

const connect: Check<Connect> = (value, path) => {
  if (isResource(value) || !isRecord(value)) return { service: service(value, path) };
  const given = options<Partial<Connect>>(value, path, {
    service,
    envPrefix: matching(
      /^[A-Za-z_][A-Za-z0-9_]*$/,
      'the beginning of an environment variable such as "REPORTS_"',
    ),
    urlEnv: environmentName,
  });
  if (given.service === undefined)
    refuse(`${path}.service`, 'a service made by stack.service(...)', undefined);
  return { ...given, service: given.service };
};

export const connections: Check<Connections> = (value, path) => {
  const all = list(connect)(value, path);
  const env = new Map<string, string>();
  const secrets = all.flatMap(({ service, envPrefix = '', urlEnv }, index): readonly SecretMountSpec[] => {
    const at = `${path}[${index}]`;
    const { connection } = service;
    for (const [name, text] of Object.entries(connection.env)) {
      const variable = `${envPrefix}${name}`;
      const other = env.get(variable);
      if (other !== undefined && other !== text) {
        refuse(at, `given an envPrefix, because ${variable} leads to another service already`, service.name);
      }
      env.set(variable, text);
    }
    if (urlEnv === undefined) return connection.secrets;
    const { url } = connection;
    if (url === undefined) refuse(`${at}.urlEnv`, `left out, as ${service.name} has no URL`, urlEnv);
    return [...connection.secrets, { ...url, env: urlEnv }];
  });
  return { services: all.map((each) => each.service.name), env: Object.fromEntries(env), secrets };
};

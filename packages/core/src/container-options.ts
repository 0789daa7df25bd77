import {
  argument,
  containerPath,
  dictionary,
  flag,
  integer,
  list,
  matching,
  numberFrom,
  oneOf,
  options,
  refuse,
  words,
  type Check,
  type Checks,
} from './check.js';
import { healthCheck, type HealthCheck } from './health-check.js';
import { build, image, type Build, type Image } from './image.js';
import { connections, type Connect } from './connection.js';
import { file, mount, type File, type Mount } from './mount.js';
import { ipAddress } from './ip-address.js';
import { logging, type Logging } from './logging.js';
import { environmentName, labelName, plainHostName } from './name.js';
import type { Problem } from './problem.js';
import { publish, type Publish } from './publish.js';
import { isResource, type Resource } from './resource.js';
import type { Secret } from './secret.js';
import { secretMount, type SecretMount } from './secret-mount.js';
import type { Service } from './service.js';
import type { ContainerSpec, HealthSpec, ImageSpec, ResourceLimits, RestartPolicy } from './spec.js';

/** What apps and services have in common. */
export interface ContainerOptions {
  /** Image to run. Exactly one of `image` and `build`. */
  readonly image?: Image;
  /** Folder or options to build the image from. */
  readonly build?: Build;
  /** Argument list that replaces the image's command. Never a shell line: `['sh', '-c', '...']` says it where one is meant. */
  readonly command?: readonly string[];
  /** Argument list that replaces the image's entry point. */
  readonly entrypoint?: readonly string[];
  /** Environment variables. Visible to `docker inspect`: a secret goes into `secrets`. */
  readonly env?: Readonly<Record<string, string>>;
  readonly mounts?: readonly Mount[];
  /** Files put in before the start. */
  readonly files?: readonly File[];
  /** Secrets, each a file that only the container's user can read. */
  readonly secrets?: readonly (Secret | SecretMount)[];
  /** Host ports; loopback unless an address is given. @default nothing is published */
  readonly publish?: Publish;
  /** @default 'always' */
  readonly restart?: RestartPolicy;
  /** Resources that must be healthy before this one starts. */
  readonly dependsOn?: readonly Resource<'app' | 'service' | 'pool'>[];
  /**
   * Services that it uses: each is waited for, and gives it the environment variables and secrets that lead there. What
   * `env` sets itself stays.
   */
  readonly connect?: readonly (Service | Connect)[];
  /** @default for an app: its port takes connections; for a service: the image's own health check, if it has one */
  readonly health?: HealthCheck;
  /** How long a start may take until the container is healthy, in milliseconds. @default 60000 */
  readonly startTimeoutMs?: number;
  readonly resources?: ResourceLimits;
  /** As `SIGTERM`. @default the image's, else SIGTERM */
  readonly stopSignal?: string;
  /** Time between the stop signal and SIGKILL, in milliseconds; the engine counts in whole seconds. @default 10000 */
  readonly stopGraceMs?: number;
  /** Runs a small init as PID 1, which passes signals on and reaps: R ignores SIGTERM as PID 1. @default true */
  readonly init?: boolean;
  /** User, or `user:group`, by name or number. @default the image's */
  readonly user?: string;
  readonly workingDir?: string;
  /** Labels of your own; `io.plumbstack.*` is taken. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Makes the root file system read-only. @default false */
  readonly readOnly?: boolean;
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  /** Extra entries of the hosts file: name to address, or `host-gateway`. */
  readonly extraHosts?: Readonly<Record<string, string>>;
  /** Where its output is kept, and how much of it. @default the engine's driver, three files of 10 MiB each */
  readonly logging?: Logging;
}

const capability = matching(/^(?:CAP_)?[A-Z_]+$/, 'a capability such as "NET_BIND_SERVICE"');
const hostAddress: Check<string> = (value, path) =>
  value === 'host-gateway' ? value : ipAddress(value, path);

/** A reference to a resource of one of these kinds. */
export function reference<K extends Resource['kind']>(...kinds: readonly K[]): Check<Resource<K>> {
  const wanted = kinds.map((kind) => `stack.${kind}(...)`).join(' or ');
  return (value, path) => {
    if (!isResource(value, ...kinds)) refuse(path, `a resource made by ${wanted}`, value);
    return value;
  };
}

/** The checks of the common options, for the options object of an app or a service. */
export const containerChecks = (defaultHost: string, port?: number) =>
  ({
    image,
    build,
    command: words,
    entrypoint: words,
    env: dictionary(environmentName, argument),
    mounts: list(mount),
    files: list(file),
    secrets: list(secretMount),
    publish: publish(defaultHost, port),
    restart: oneOf('always', 'unless-stopped', 'on-failure', 'no'),
    dependsOn: list((value, path) => reference('app', 'service', 'pool')(value, path).name),
    connect: connections,
    health: healthCheck,
    startTimeoutMs: integer(1, 3_600_000),
    resources: (value: unknown, path: string) =>
      options<ResourceLimits>(value, path, {
        memoryBytes: integer(6 * 1024 * 1024),
        cpus: numberFrom(0.01, 10_000),
        pids: integer(1),
      }),
    stopSignal: matching(/^SIG[A-Z0-9+-]+$/, 'a signal such as "SIGTERM"'),
    stopGraceMs: integer(0, 3_600_000),
    init: flag,
    user: matching(
      /^[A-Za-z0-9_][A-Za-z0-9_.-]*(?::[A-Za-z0-9_][A-Za-z0-9_.-]*)?$/,
      'a user or "user:group"',
    ),
    workingDir: containerPath,
    labels: dictionary(labelName, argument),
    readOnly: flag,
    capAdd: list(capability),
    capDrop: list(capability),
    extraHosts: dictionary(plainHostName, hostAddress),
    logging,
  }) as const;

/** Common options after their checks: every one either of its spec's type or left out. */
export type CheckedContainer = {
  readonly [K in keyof ReturnType<typeof containerChecks>]?: ReturnType<
    ReturnType<typeof containerChecks>[K]
  >;
};

/** Checks `value` against the common options and `own`. */
export function checkContainer<T extends object>(
  value: unknown,
  path: string,
  own: Checks<T>,
  defaultHost: string,
  port?: number,
): CheckedContainer & T {
  return options<CheckedContainer & T>(value, path, {
    ...containerChecks(defaultHost, port),
    ...own,
  } as unknown as Checks<CheckedContainer & T>);
}

// Stands in until `validate` has said that an image is missing; no valid stack's spec holds it.
const noImage: ImageSpec = { type: 'pull', reference: '', policy: 'never' };

/** `image` and `build` exclude each other, and one of them is needed. */
export function imageProblems(name: string, given: CheckedContainer): readonly Problem[] {
  if ((given.image === undefined) !== (given.build === undefined)) return [];
  const both = given.image !== undefined;
  return [
    {
      path: name,
      message: both ? 'has both image and build' : 'has neither image nor build',
      hint: both
        ? 'Keep the one that should be used.'
        : 'Give image: a reference, or build: a folder with a Dockerfile.',
    },
  ];
}

/** The one place where the common defaults are filled in. */
export function containerSpec(
  name: string,
  given: CheckedContainer,
  health: HealthSpec | undefined,
): ContainerSpec {
  const { command, entrypoint, stopSignal, user, workingDir, connect } = given;
  const check = given.health ?? health;
  return {
    name,
    image: given.image ?? given.build ?? noImage,
    ...(command !== undefined && { command }),
    ...(entrypoint !== undefined && { entrypoint }),
    env: { ...connect?.env, ...given.env },
    mounts: given.mounts ?? [],
    files: given.files ?? [],
    secrets: [...(given.secrets ?? []), ...(connect?.secrets ?? [])],
    publish: given.publish ?? [],
    restart: given.restart ?? 'always',
    dependsOn: [...new Set([...(given.dependsOn ?? []), ...(connect?.services ?? [])])],
    ...(check !== undefined && { health: check }),
    startTimeoutMs: given.startTimeoutMs ?? 60_000,
    resources: given.resources ?? {},
    ...(stopSignal !== undefined && { stopSignal }),
    stopGraceMs: given.stopGraceMs ?? 10_000,
    init: given.init ?? true,
    ...(user !== undefined && { user }),
    ...(workingDir !== undefined && { workingDir }),
    labels: given.labels ?? {},
    readOnly: given.readOnly ?? false,
    capAdd: given.capAdd ?? [],
    capDrop: given.capDrop ?? [],
    extraHosts: given.extraHosts ?? {},
    ...(given.logging !== undefined && { logging: given.logging }),
  };
}

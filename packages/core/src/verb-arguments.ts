import { line, refuse, refuseNamed, words, type Check } from './check.js';
import { name as plainName, oneOfKind } from './name.js';
import { replicaCount } from './pool.js';
import { listeningPort } from './publish.js';
import { isResource } from './resource.js';
import type { ResourceKind } from './spec.js';
import { isStack, type Stack } from './stack.js';
import {
  downOptions,
  logOptions,
  rollbackOptions,
  upOptions,
  volumeCopyOptions,
  waitOptions,
  watchOptions,
} from './verb-options.js';

const aStack: Check<Stack> = (value, path) => {
  if (!isStack(value))
    refuse(path, 'a Stack', value, 'A program describes it: new Stack(name), and what belongs to it.');
  return value;
};

const nameOfStack: Check<string> = (value, path) => {
  if (typeof value !== 'string') refuse(path, "a stack's name", value);
  return plainName(value, path);
};

/**
 * For authors of runtimes: what a runtime's verb was called with, checked. Each verb calls its own before it does anything
 * else: programs need not be typed. Throws `INVALID_OPTION`.
 */
export const runtimeArguments = {
  plan: (stack: unknown, options: unknown) => ({
    stack: aStack(stack, 'plan.stack'),
    options: waitOptions('plan', options),
  }),
  up: (stack: unknown, options: unknown) => ({
    stack: aStack(stack, 'up.stack'),
    options: upOptions(options),
  }),
  watch: (stack: unknown, options: unknown) => ({
    stack: aStack(stack, 'watch.stack'),
    options: watchOptions(options),
  }),
  attach: (stack: unknown, options: unknown) => ({
    stack: nameOfStack(stack, 'attach.stackName'),
    options: waitOptions('attach', options),
  }),
  list: (options: unknown) => ({ options: waitOptions('list', options) }),
  down: (stack: unknown, options: unknown) => ({
    stack: isStack(stack) ? stack.name : nameOfStack(stack, 'down.stack'),
    options: downOptions(options),
  }),
};

const withContainers = ['app', 'service', 'pool', 'router'] as const;

/**
 * For authors of runtimes: the same for the verbs of a stack's deployment. Each gives a resource as its name alone. That the
 * stack has none of that name is for the runtime to tell, with `NOT_FOUND`.
 */
export function deploymentArguments(stack: string) {
  const resource = (given: unknown, path: string, ...kinds: readonly ResourceKind[]): string =>
    nameOfResource(stack, kinds, given, path);
  return {
    endpoint: (given: unknown, port: unknown) => ({
      resource: resource(given, 'endpoint.resource', ...withContainers),
      port: port === undefined ? undefined : listeningPort(port, 'endpoint.port'),
    }),
    status: (options: unknown) => ({ options: waitOptions('status', options) }),
    scale: (pool: unknown, replicas: unknown, options: unknown) => ({
      pool: resource(pool, 'scale.pool', 'pool'),
      replicas: replicaCount(replicas, 'scale.replicas'),
      options: waitOptions('scale', options),
    }),
    rollback: (pool: unknown, options: unknown) => ({
      pool: resource(pool, 'rollback.pool', 'pool'),
      options: rollbackOptions(options),
    }),
    versions: (pool: unknown, options: unknown) => ({
      pool: resource(pool, 'versions.pool', 'pool'),
      options: waitOptions('versions', options),
    }),
    repair: (given: unknown, options: unknown) => ({
      resource: given === undefined ? undefined : resource(given, 'repair.resource', ...withContainers),
      options: waitOptions('repair', options),
    }),
    restart: (given: unknown, options: unknown) => ({
      resource: resource(given, 'restart.resource', ...withContainers),
      options: waitOptions('restart', options),
    }),
    logs: (given: unknown, options: unknown) => ({
      resource: given === undefined ? undefined : resource(given, 'logs.resource', ...withContainers),
      options: logOptions(options),
    }),
    exec: (given: unknown, command: unknown, options: unknown) => ({
      resource: resource(given, 'exec.resource', ...withContainers),
      command: program(command, 'exec.command'),
      options: waitOptions('exec', options),
    }),
    exportVolume: (volume: unknown, options: unknown) => ({
      volume: resource(volume, 'exportVolume.volume', 'volume'),
      options: volumeCopyOptions('exportVolume', options),
    }),
    importVolume: (volume: unknown, source: unknown, options: unknown) => ({
      volume: resource(volume, 'importVolume.volume', 'volume'),
      source: chunks(source, 'importVolume.source'),
      options: volumeCopyOptions('importVolume', options),
    }),
    stats: (pool: unknown, options: unknown) => ({
      pool: resource(pool, 'stats.pool', 'pool'),
      options: waitOptions('stats', options),
    }),
  };
}

/** A resource by any of its names: the object, `name`, or `stack/name` as events and `status` have it. */
function nameOfResource(stack: string, kinds: readonly ResourceKind[], given: unknown, path: string): string {
  const wanted = `${kinds.map(oneOfKind).join(', ')} of the stack "${stack}", or its name`;
  const elsewhere = (other: string): string | undefined =>
    other === stack ? undefined : `Attach to its own stack: runtime.attach(${JSON.stringify(other)}).`;
  if (isResource(given)) {
    if (given.stack !== stack || !kinds.includes(given.kind))
      refuseNamed(path, wanted, `the ${given.kind} ${given.path}`, elsewhere(given.stack));
    return given.name;
  }
  if (typeof given !== 'string') refuse(path, wanted, given);
  const [first = '', second, ...more] = line(given, path).split('/');
  if (second === undefined) return first;
  if (first !== stack || second === '' || more.length > 0) refuse(path, wanted, given, elsewhere(first));
  return second;
}

const program: Check<readonly string[]> = (value, path) => {
  const [first = '', ...rest] = words(value, path);
  if (first === '') refuse(path, "an array that begins with a program, as ['ls', '-l']", value);
  return [first, ...rest];
};

const chunks: Check<AsyncIterable<unknown>> = (value, path) => {
  const isStream = typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
  if (!isStream)
    refuse(path, 'a stream of bytes', value, "Of a file that is createReadStream(path) of 'node:fs'.");
  return value as AsyncIterable<unknown>;
};

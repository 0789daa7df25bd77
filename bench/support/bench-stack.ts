import { Stack } from '@plumbstack/core';
import { lightImage, lightServer } from './light-server';

export interface BenchOptions {
  readonly name: string;
  readonly apps: number;
  readonly workers: number;
  readonly port: number;
  /** Requests at once per worker. @default unlimited */
  readonly maxConcurrency?: number;
  /** Port of this machine that the pool publishes beside the router. @default none */
  readonly poolPort?: number;
  /** What apps and workers run. @default a server that answers at once */
  readonly command?: readonly string[];
  /** Whether each has a network of its own. @default true */
  readonly isolation?: boolean;
}

/** So many single apps and one pool behind a router. */
export function benchStack(
  {
    name,
    apps,
    workers,
    port,
    poolPort,
    maxConcurrency,
    command = lightServer,
    isolation = true,
  }: BenchOptions,
  version = '1',
): Stack {
  const stack = new Stack(name, { isolation });
  const app = { image: lightImage, command, env: { VERSION: version } };
  const router = stack.router('web', { publish: { port, host: '127.0.0.1' } });
  for (let index = 0; index < apps; index++) {
    router.route(`/app${index}/`, stack.app(`app${index}`, app));
  }
  router.route(
    '/pool/',
    stack.pool('workers', {
      app: stack.app('worker', app),
      replicas: workers,
      ...(maxConcurrency !== undefined && { maxConcurrency }),
      ...(poolPort !== undefined && { publish: { port: poolPort, host: '127.0.0.1' } }),
    }),
  );
  return stack;
}

export function routesOf({ apps, port }: BenchOptions): readonly string[] {
  const names = [...Array.from({ length: apps }, (_, index) => `app${index}`), 'pool'];
  return names.map((each) => `http://127.0.0.1:${port}/${each}/`);
}

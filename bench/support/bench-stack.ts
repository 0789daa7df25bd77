import { Stack, type AppOptions } from '@plumbstack/core';
import { nodeApp, type BenchApp } from './bench-app';
import { lightServer } from './light-server';

export interface BenchOptions {
  readonly name: string;
  readonly apps: number;
  readonly workers: number;
  readonly port: number;
  /** Requests at once per worker. @default unlimited */
  readonly maxConcurrency?: number;
  /** Port of this machine that the pool publishes beside the router. @default none */
  readonly poolPort?: number;
  /** Port of this machine that the first app publishes: direct access. @default none */
  readonly appPort?: number;
  /** What apps and workers run. @default a server in Node that answers at once */
  readonly app?: BenchApp;
  /** Whether connections to apps and workers are kept. @default as apps have it */
  readonly keepAlive?: boolean;
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
    appPort,
    maxConcurrency,
    app: { options } = nodeApp(lightServer),
    keepAlive,
    isolation = true,
  }: BenchOptions,
  version = '1',
): Stack {
  const stack = new Stack(name, { isolation });
  const app = { ...options, env: { VERSION: version }, ...(keepAlive !== undefined && { keepAlive }) };
  const published = (port: number | undefined): Partial<AppOptions> =>
    port === undefined ? {} : { publish: { port, host: '127.0.0.1' } };
  const router = stack.router('web', { publish: { port, host: '127.0.0.1' } });
  for (let index = 0; index < apps; index++) {
    const own = published(index === 0 ? appPort : undefined);
    router.route(`/app${index}/`, stack.app(`app${index}`, { ...app, ...own }));
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

import { Stack } from '@plumbstack/core';
import { lightImage, lightServer } from './light-server';

export interface BenchOptions {
  readonly name: string;
  readonly apps: number;
  readonly workers: number;
  readonly port: number;
}

/** So many single apps and one pool behind a router. */
export function benchStack({ name, apps, workers, port }: BenchOptions, version = '1'): Stack {
  const stack = new Stack(name);
  const app = { image: lightImage, command: lightServer, env: { VERSION: version } };
  const router = stack.router('web', { publish: { port, host: '127.0.0.1' } });
  for (let index = 0; index < apps; index++) {
    router.route(`/app${index}/`, stack.app(`app${index}`, app));
  }
  router.route('/pool/', stack.pool('workers', { app: stack.app('worker', app), replicas: workers }));
  return stack;
}

export function routesOf({ apps, port }: BenchOptions): readonly string[] {
  const names = [...Array.from({ length: apps }, (_, index) => `app${index}`), 'pool'];
  return names.map((each) => `http://127.0.0.1:${port}/${each}/`);
}

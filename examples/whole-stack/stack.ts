import { plumber, Stack } from '@plumbstack/core';

/** Two apps on one port: a balanced pool of workers under /app1/, a single container under /app2/. */
export function wholeStack(name: string, port: number): Stack {
  const stack = new Stack(name, { baseDir: __dirname });

  const app1 = stack.app('app1', {
    build: './app1',
    mounts: [{ bind: './data', target: '/data', readOnly: true }],
    prefixEnv: 'PLUMBER_APIURL',
  });
  const app2 = stack.app('app2', plumber('./app2/plumber.R'));

  // R answers one request at a time. Who has the pool's cookie comes back to the same worker.
  const workers = stack.pool('workers', { app: app1, replicas: 3, maxConcurrency: 1, sticky: 'cookie' });

  stack.router('web', { publish: port }).route('/app1/', workers).route('/app2/', app2);
  return stack;
}

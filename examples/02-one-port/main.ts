import { join } from 'node:path';
import { plumber, Stack } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';

const { STACK = 'one-port', PORT = '8080' } = process.env;

// The two apps of 01-apps-on-ports, as they are.
const stack = new Stack(STACK, { baseDir: join(__dirname, '..', '01-apps-on-ports') });

const app1 = stack.app('app1', {
  build: './app1',
  mounts: [{ bind: './data', target: '/data', readOnly: true }],
});
const app2 = stack.app('app2', plumber('./app2/plumber.R'));

// Only the router publishes a port. It takes the prefix off, so no app has to know where it is mounted.
stack
  .router('web', { publish: Number(PORT) })
  .route('/app1/', app1)
  .route('/app2/', app2);

async function main(): Promise<void> {
  const runtime = new DockerRuntime();
  if (process.argv.includes('--down')) return runtime.down(stack);

  const deployment = await runtime.up(stack);
  const web = deployment.endpoint('web');
  console.log(`the router's own page: ${web}`);
  console.log(`app1: ${new URL('/app1/stations', web)}`);
  console.log(`app2: ${new URL('/app2/temperature?celsius=21', web)}`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

import { plumber, Stack } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';

const { STACK = 'apps-on-ports', APP1_PORT = '7000', APP2_PORT = '7001' } = process.env;

// Paths start from this file's folder, wherever the program is started.
const stack = new Stack(STACK, { baseDir: __dirname });

// An app with a Dockerfile of its own, and with data that is mounted, not copied.
stack.app('app1', {
  build: './app1',
  mounts: [{ bind: './data', target: '/data', readOnly: true }],
  publish: Number(APP1_PORT),
});

// An app that is one file: plumber's own image runs it.
stack.app('app2', plumber('./app2/plumber.R', { publish: Number(APP2_PORT) }));

/** While the apps are written: brings up what is saved, until Ctrl-C. */
async function watch(runtime: DockerRuntime): Promise<void> {
  const ending = new AbortController();
  process.once('SIGINT', () => ending.abort());
  using _ = runtime.events.on('stack:up:finished', () =>
    console.log('Up. Save a file of an app to change it.'),
  );
  await runtime.watch(stack, { signal: ending.signal, onError: ({ message }) => console.error(message) });
}

async function main(): Promise<void> {
  const runtime = new DockerRuntime();
  if (process.argv.includes('--down')) return runtime.down(stack);

  if (process.argv.includes('--watch')) return watch(runtime);

  const deployment = await runtime.up(stack);
  console.log(`app1: ${deployment.endpoint('app1')}stations`);
  console.log(`app2: ${deployment.endpoint('app2')}temperature?celsius=21`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

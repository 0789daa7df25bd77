import { plumber, Stack } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';

const { STACK = 'load-balanced', PORT = '8080', POOL_PORT = '8081' } = process.env;

const stack = new Stack(STACK, { baseDir: __dirname });

// Three R processes of one app. R answers one request at a time, so each gets one, and the others wait in one fair queue.
const simulation = stack.app('simulation', plumber('./app1/api.R'));
const workers = stack.pool('workers', { app: simulation, replicas: 3 });
stack.router('web', { publish: Number(PORT) }).route('/app1/', workers);

// A pool can also be published by itself, without a router.
const factors = stack.app('factors', plumber('./app2/plumber.R'));
const pair = stack.pool('pair', { app: factors, replicas: 2, publish: Number(POOL_PORT) });

/** Asks `url` four times at once, ten rounds and on until `during` is over; prints who answered how often. */
async function ask(what: string, url: URL, during: Promise<void> = Promise.resolve()): Promise<void> {
  const answers = new Map<string, number>();
  let going = true;
  const asking = async (): Promise<void> => {
    for (let round = 0; round < 10 || going; round++) {
      const responses = await Promise.all(Array.from({ length: 4 }, () => fetch(url)));
      for (const response of responses) {
        const who = response.ok
          ? ((await response.json()) as { worker: string }).worker
          : `HTTP ${response.status}`;
        answers.set(who, (answers.get(who) ?? 0) + 1);
      }
    }
  };
  await Promise.all([asking(), during.finally(() => (going = false))]);
  const counts = [...answers].sort().map(([who, times]) => `${who}: ${times}`);
  console.log(`${what}: ${counts.join(', ')}`);
}

async function main(): Promise<void> {
  const runtime = new DockerRuntime();
  if (process.argv.includes('--down')) return runtime.down(stack);

  const deployment = await runtime.up(stack);
  const pi = new URL('/app1/pi', deployment.endpoint('web'));
  await ask('3 workers', pi);
  await ask('from 3 to 5', pi, deployment.scale(workers, 5));
  await ask('5 workers', pi);
  await ask('from 5 to 3', pi, deployment.scale(workers, 3));
  await ask('3 workers', pi);
  await ask('the pair', new URL('/factors?number=360', deployment.endpoint(pair)));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

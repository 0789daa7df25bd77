import { setTimeout as pause } from 'node:timers/promises';
import { plumber, postgres, redis, Stack } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';

const { STACK = 'database', PORT = '8080' } = process.env;

const stack = new Stack(STACK, { baseDir: __dirname });

// Each is a service, a volume and a password that the engine makes up and nobody has to know.
const db = postgres(stack, 'db', { initFiles: ['./schema.sql'] });
const cache = redis(stack, 'cache', { settings: { maxmemory: '64mb', 'maxmemory-policy': 'allkeys-lru' } });

const api = stack.app(
  'api',
  plumber('./api/plumber.R', { packages: ['DBI', 'RPostgreSQL'], connect: [db, cache] }),
);
const workers = stack.pool('workers', { app: api, replicas: 3, maxConcurrency: 1 });
stack.router('web', { publish: Number(PORT) }).route('/', workers);

/** Visits until `during` has ended, at least 30 times; a visit without an answer is said again, under the same id. */
async function visit(web: URL, visitor: string, during: Promise<void>): Promise<number> {
  let going = true;
  const ended = during.finally(() => (going = false));
  let visits = 0;
  let repeated = 0;
  while (going || visits < 30) {
    const url = new URL(`/visits/${visitor}-${visits}?visitor=${visitor}`, web);
    const answered = await fetch(url, { method: 'PUT' }).then(
      (response) => response.ok,
      () => false,
    );
    if (answered) visits++;
    else {
      repeated++;
      await pause(100);
    }
  }
  await ended;
  console.log(`${visitor} has visited ${visits} times, and had to say ${repeated} of them again`);
  return visits;
}

async function main(): Promise<void> {
  const runtime = new DockerRuntime();
  if (process.argv.includes('--down')) return runtime.down(stack, { volumes: true });

  const deployment = await runtime.up(stack);
  const web = deployment.endpoint('web');
  const get = async (path: string): Promise<unknown> => (await fetch(new URL(path, web))).json();

  // A worker is killed, and then all of them are replaced, one after the other.
  const visitor = `ann-${Date.now()}`;
  const visits = await visit(
    web,
    visitor,
    deployment.exec(workers, ['sh', '-c', 'kill -9 -1']).then(() => deployment.restart(workers)),
  );
  const counted = (await get(`/visits?visitor=${visitor}`)) as { visits: number; workers: number };
  console.log(`counted: ${counted.visits} of ${visits}, by ${counted.workers} workers`);

  for (const time of ['first', 'second']) {
    const { from } = (await get('/report')) as { from: string };
    console.log(`the ${time} report comes from the ${from}`);
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

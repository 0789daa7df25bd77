import { setTimeout as pause } from 'node:timers/promises';
import { plumber, Stack } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';

const { STACK = 'session-cookies', PORT = '8080' } = process.env;

/** @param rotation another one makes another key */
function described(rotation: number): Stack {
  const stack = new Stack(STACK, { baseDir: __dirname });
  // 32 random bytes, made once on the engine: every worker has them, and no spec, label or log.
  const key = stack.secret('session-key', { generateBytes: 32, rotation });
  const app = stack.app('app', plumber('./app/plumber.R', { session: { key } }));
  const workers = stack.pool('workers', { app, replicas: 3, balance: 'roundrobin', maxConcurrency: 1 });
  stack.router('web', { publish: Number(PORT) }).route('/', workers);
  return stack;
}

/** A client that keeps its cookies, as a browser does. */
class Client {
  readonly #web: URL;
  #cookie = '';

  constructor(web: URL) {
    this.#web = web;
  }

  async post(path: string): Promise<{ status: number; worker: string; count?: number; name?: string }> {
    const response = await fetch(new URL(path, this.#web), {
      method: 'POST',
      headers: { cookie: this.#cookie },
    });
    if (!response.ok && response.status !== 401) throw new Error(`HTTP ${response.status}`);
    const [given] = response.headers.getSetCookie();
    if (given !== undefined) this.#cookie = given.split(';', 1)[0] ?? '';
    return { status: response.status, ...((await response.json()) as { worker: string }) };
  }
}

/** Counts until `during` has ended; what got no answer is asked again, with the cookie from before. */
async function count(client: Client, during: Promise<void>): Promise<void> {
  let going = true;
  const ended = during.finally(() => (going = false));
  const workers = new Set<string>();
  let wanted = 0;
  while (going || wanted < 30) {
    const answer = await client.post('/count').catch(() => undefined);
    if (answer === undefined) {
      await pause(100);
      continue;
    }
    wanted++;
    workers.add(answer.worker);
    if (answer.name !== 'ann' || answer.count !== wanted) throw new Error(JSON.stringify({ wanted, answer }));
  }
  await ended;
  console.log(`ann has counted to ${wanted}, with ${workers.size} workers`);
}

async function main(): Promise<void> {
  const runtime = new DockerRuntime();
  if (process.argv.includes('--down')) return runtime.down(STACK, { volumes: true });

  const deployment = await runtime.up(described(0));
  const client = new Client(deployment.endpoint('web'));
  const { worker } = await client.post('/login?name=ann');
  console.log(`ann has logged in at ${worker}`);

  // A worker is killed, and then all of them are replaced, one after the other.
  await count(
    client,
    deployment.exec('workers', ['sh', '-c', 'kill -9 -1']).then(() => deployment.restart('workers')),
  );

  await runtime.up(described(1));
  const { status } = await client.post('/count');
  console.log(`with another key: HTTP ${status}`);
  await client.post('/login?name=ann');
  await count(client, Promise.resolve());
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

import { plumber, Stack, type Pool } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';

const { STACK = 'sticky', PORT = '8080' } = process.env;

const stack = new Stack(STACK, { baseDir: __dirname });

// The same app twice: in the one pool a client stays on its worker, in the other it goes where there is room.
const app = stack.app('app', plumber('./app/plumber.R'));
const pools: readonly Pool[] = [
  stack.pool('sticky', { app, replicas: 4, balance: 'roundrobin', sticky: 'cookie' }),
  stack.pool('free', { app, replicas: 4 }),
];
const router = stack.router('web', { publish: Number(PORT) });
for (const pool of pools) router.route(`/${pool.name}/`, pool);

/** Requests of each client: a few ask much, most ask little, as visitors do. */
const requestsOf = [40, 2, 2, 2, 40, 2, 2, 2];

/** A client that keeps its cookies, as a browser does. */
class Visitor {
  readonly #url: URL;
  #cookie = '';
  /** Who answered each request. */
  readonly answers: string[] = [];

  constructor(url: URL) {
    this.#url = url;
  }

  async ask(requests: number): Promise<void> {
    for (let each = 0; each < requests; each++) {
      const response = await fetch(this.#url, { headers: { cookie: this.#cookie } });
      const [given] = response.headers.getSetCookie();
      if (given !== undefined) this.#cookie = given.split(';', 1)[0] ?? '';
      this.answers.push(((await response.json()) as { worker: string }).worker);
    }
  }
}

function bar(length: number): string {
  return '█'.repeat(Math.round(length / 2)) || '▏';
}

async function main(): Promise<void> {
  const runtime = new DockerRuntime();
  if (process.argv.includes('--down')) return runtime.down(stack);

  const deployment = await runtime.up(stack);
  for (const { name } of pools) {
    const url = new URL(`/${name}/work`, deployment.endpoint('web'));
    // They come one after the other, each to the next worker, and then ask at once.
    const visitors = requestsOf.map(() => new Visitor(url));
    for (const each of visitors) await each.ask(1);
    const start = performance.now();
    await Promise.all(visitors.map((each, index) => each.ask(requestsOf[index] ?? 0)));
    const answers = visitors.flatMap((each) => each.answers);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`${name}: ${answers.length} requests in ${seconds} s`);
    const { workers } = await deployment.stats(name);
    for (const worker of workers) {
      const requests = answers.filter((each) => each === `${name}-${worker.name.slice(1)}`).length;
      console.log(`  ${worker.name} ${bar(requests)} ${requests}`);
    }
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

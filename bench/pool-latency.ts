// What a fast route waits while slow ones run in a pool of single-threaded workers, and how soon a new worker gets requests
// after it answers. Beside Docker Compose with the best configuration by hand, and with the article's.
import { DockerRuntime } from '@plumbstack/docker';
import { benchStack, routesOf, type BenchOptions } from './support/bench-stack';
import { ComposeProject } from './support/compose-project';
import { row, untilAllAnswer } from './support/measure';

// Blocks as R does: nothing else of this worker is answered meanwhile. Tells its name, and for how long it has listened.
const blocking = [
  'node',
  '-e',
  [
    'let since = 0;',
    "const app = require('node:http').createServer((request, response) => {",
    "const end = Date.now() + Number(new URL(request.url, 'http://a').searchParams.get('ms') ?? 0);",
    "while (Date.now() < end); response.end(require('node:os').hostname() + ' ' + (Date.now() - since)); });",
    'app.keepAliveTimeout = 60000; app.listen(8000, () => { since = Date.now(); });',
    "process.on('SIGTERM', () => { app.close(() => process.exit(0)); app.closeIdleConnections(); });",
  ].join(' '),
];
const options: BenchOptions = {
  name: 'bench-latency',
  apps: 0,
  workers: 3,
  port: 28_092,
  maxConcurrency: 1,
  command: blocking,
};
const slowMs = 1000;
const measuredMs = 15_000;

/** Two visitors of the slow route leave one worker free; another one asks the fast route. */
async function latencies(url: string): Promise<readonly number[]> {
  let running = true;
  const slow = Array.from({ length: 2 }, async () => {
    while (running) await fetch(`${url}?ms=${slowMs}`).then((each) => each.text());
  });
  await pause(slowMs / 2);
  const all: number[] = [];
  const end = performance.now() + measuredMs;
  while (performance.now() < end) {
    const start = performance.now();
    await fetch(url).then((each) => each.text());
    all.push(performance.now() - start);
    await pause(20);
  }
  running = false;
  await Promise.all(slow);
  return all.sort((a, b) => a - b);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const share = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;

async function measure(who: string, url: string, grow: () => Promise<unknown>): Promise<void> {
  await untilAllAnswer([url]);
  const sorted = await latencies(url);
  const first = await firstRequest(url, grow);
  console.log(row(who, ...[0.5, 0.95, 0.99].map((part) => share(sorted, part)), first));
}

/** From when a worker that is added listens until it has answered a visitor, in milliseconds: what the proxies add. */
async function firstRequest(url: string, grow: () => Promise<unknown>): Promise<number> {
  const asked = async (): Promise<readonly [host: string, since: number]> => {
    const [host = '', since = ''] = (await (await fetch(url)).text()).split(' ');
    return [host, Number(since)];
  };
  const known = new Set((await Promise.all(Array.from({ length: 60 }, asked))).map(([host]) => host));
  const growing = grow();
  for (;;) {
    // Several at once, so that each worker is asked.
    const answers = await Promise.all(Array.from({ length: 8 }, asked));
    const first = answers.find(([host]) => !known.has(host));
    if (first !== undefined) {
      await growing;
      return first[1];
    }
    await pause(5);
  }
}

async function compose(who: string, proxies: 'best' | 'article', port: number): Promise<void> {
  const own = { ...options, name: `bench-latency-${proxies}`, port, proxies };
  const project = await ComposeProject.create(own);
  try {
    await project.compose('up', '-d');
    const [url = ''] = routesOf(own);
    await measure(who, url, () => project.compose('up', '-d', '--scale', 'worker=4'));
  } finally {
    await project[Symbol.asyncDispose]();
  }
}

async function main(): Promise<void> {
  await using runtime = new DockerRuntime();
  console.log(
    '| who | p50 ms | p95 ms | p99 ms | new worker serves, ms after it listens |\n| --- | --- | --- | --- | --- |',
  );
  try {
    const deployment = await runtime.up(benchStack(options));
    const [url = ''] = routesOf(options);
    await measure('plumbstack', url, () => deployment.scale('workers', 4));
  } finally {
    await runtime.down(options.name);
  }
  await compose('Compose, best by hand', 'best', 28_193);
  await compose("Compose, the article's", 'article', 28_194);
}

void main();

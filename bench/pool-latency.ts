// What a fast route waits while slow ones run in a pool of single-threaded workers, and how soon a new worker gets requests
// after it answers. Beside Docker Compose with the best configuration by hand, and with the article's; and beside the own port
// of one app that nobody else asks, on the same busy machine. Of a Node app and of an R app. With `maxConcurrency`, no
// connection to a worker is kept, whatever the app's `keepAlive` says: it is measured beside it, to show so.
import { DockerRuntime } from '@plumbstack/docker';
import { nodeApp, rApp, type BenchApp } from './support/bench-app';
import { benchStack, routesOf, type BenchOptions } from './support/bench-stack';
import { ComposeProject } from './support/compose-project';
import { Client } from './support/clients';
import { quantile, row, untilAllAnswer } from './support/measure';

// Blocks as R does: nothing else of this worker is answered meanwhile. Tells its name, and for how long it has listened.
const blocking = nodeApp([
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
]);
const rounds = Number(process.env['ROUNDS'] ?? 12);
const turnMs = Number(process.env['TURN_MS'] ?? 1500);
const slowMs = 1000;
const appPort = 28_093;
const direct = `http://127.0.0.1:${appPort}/`;

interface Contender {
  readonly who: string;
  readonly url: string;
  /** Adds a worker. */
  readonly grow: () => Promise<unknown>;
  /** Times of the fast route, in milliseconds. */
  readonly times: number[];
}

/** Two visitors of the slow route leave one worker free; another one asks the fast route, and the app by itself. */
async function turn({ url, times }: Contender, app: BenchApp, directTimes: number[]): Promise<void> {
  let running = true;
  const slow = Array.from({ length: 2 }, async () => {
    while (running) await fetch(`${url}?ms=${slowMs}`).then((each) => each.text());
  });
  using visitor = new Client(url, 'kept');
  using directVisitor = new Client(direct, app.direct);
  await pause(slowMs / 2);
  const end = performance.now() + turnMs;
  while (performance.now() < end) {
    times.push(await visitor.ask());
    await pause(10);
    directTimes.push(await directVisitor.ask());
    await pause(10);
  }
  running = false;
  await Promise.all(slow);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** From when a worker that is added listens until it has answered a visitor, in milliseconds: what the proxies add. */
async function firstRequest({ url, grow }: Contender): Promise<number> {
  const told = async (): Promise<readonly [host: string, since: number]> => {
    const [host = '', since = ''] = (await (await fetch(url)).text()).split(' ');
    return [host, Number(since)];
  };
  const known = new Set((await Promise.all(Array.from({ length: 60 }, told))).map(([host]) => host));
  const growing = grow();
  for (;;) {
    // Several at once, so that each worker is asked.
    const answers = await Promise.all(Array.from({ length: 8 }, told));
    const first = answers.find(([host]) => !known.has(host));
    if (first !== undefined) {
      await growing;
      return first[1];
    }
    await pause(5);
  }
}

async function compare(app: BenchApp, runtime: DockerRuntime): Promise<void> {
  const common = { apps: 0, workers: 3, maxConcurrency: 1, app };
  const named = (name: string): string => `bench-latency-${app.name}-${name}`;
  const ours: BenchOptions = { ...common, name: named('ours'), apps: 1, appPort, port: 28_092 };
  const kept: BenchOptions = { ...common, name: named('kept'), port: 28_091, keepAlive: true };
  const best = { ...common, name: named('best'), port: 28_193, proxies: 'best' } as const;
  const article = { ...common, name: named('article'), port: 28_194, proxies: 'article' } as const;
  await using bestProject = await ComposeProject.create(best);
  await using articleProject = await ComposeProject.create(article);
  await using _ours = {
    [Symbol.asyncDispose]: async () => {
      await Promise.all([ours, kept].map(({ name }) => runtime.down(name)));
    },
  };
  const contender = (who: string, own: BenchOptions, grow: () => Promise<unknown>): Contender => ({
    who,
    url: routesOf({ ...own, apps: 0 })[0] ?? '',
    grow,
    times: [],
  });
  const up = async (who: string, own: BenchOptions): Promise<Contender> => {
    const deployment = await runtime.up(benchStack(own));
    return contender(who, own, () => deployment.scale('workers', 4));
  };
  const compose = async (who: string, own: BenchOptions, project: ComposeProject): Promise<Contender> => {
    await project.compose('up', '-d');
    return contender(who, own, () => project.compose('up', '-d', '--scale', 'worker=4'));
  };
  const contenders = await Promise.all([
    up('plumbstack', ours),
    up('plumbstack, `keepAlive: true`', kept),
    compose('Compose, best by hand', best, bestProject),
    compose("Compose, the article's", article, articleProject),
  ]);
  await measure(app, contenders);
}

/** In turns: what else the machine does, it does to all. */
async function measure(app: BenchApp, contenders: readonly Contender[]): Promise<void> {
  await untilAllAnswer([direct, ...contenders.map(({ url }) => url)]);
  const directTimes: number[] = [];
  for (let round = 0; round < rounds; round++)
    for (const each of contenders) await turn(each, app, directTimes);
  const figures = (times: readonly number[]): readonly number[] =>
    [0.5, 0.95, 0.99].map((part) => quantile(times, part));
  for (const each of contenders)
    console.log(row(app.title, each.who, ...figures(each.times), await firstRequest(each)));
  console.log(row(app.title, "one app's own port, nothing slow in it", ...figures(directTimes), ''));
}

async function main(): Promise<void> {
  await using runtime = new DockerRuntime();
  const heads = ['app', 'who', 'p50 ms', 'p95 ms', 'p99 ms', 'new worker serves, ms after it listens'];
  console.log(row(...heads));
  console.log(row(...heads.map(() => '---')));
  for (const app of [rApp('blocking.R'), blocking]) await compare(app, runtime);
}

void main();

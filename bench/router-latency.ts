// What one visitor, and eight at once, wait for an answer of an app: by its own port, through a router, through a pool of one
// worker, and through the article's nginx. An R app and a Node app, as declared by default and with `keepAlive: true`. The
// goal: one visitor's p50 through a router is at most 1 ms over that of the app's own port.
import { Stack, type Pool } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';
import { lightApps, type BenchApp } from './support/bench-app';
import { ComposeProject } from './support/compose-project';
import { timeRequests, type Connections } from './support/clients';
import { median, quantile, row, untilAllAnswer } from './support/measure';

const rounds = Number(process.env['ROUNDS'] ?? 6);
const turnMs = 150;
const clients = [1, 8] as const;
const [routerPort, appPort, poolPort, keptPoolPort, articlePort] = [28_094, 28_095, 28_096, 28_097, 28_195];

interface Way {
  readonly what: string;
  readonly url: string;
  /** Of the visitors. @default 'kept' */
  readonly connections?: Connections;
}

/** Times of each way's requests, in milliseconds: one list for each round. */
type Times = ReadonlyMap<Way, readonly (readonly number[])[]>;

/** The app by itself and in a pool of one worker, each by default and with connections that are kept. */
function stackOf(name: string, app: BenchApp): Stack {
  const stack = new Stack(name);
  const loopback = (port: number): { publish: { port: number; host: string } } => ({
    publish: { port, host: '127.0.0.1' },
  });
  const kept = { ...app.options, keepAlive: true };
  const pool = (of: string, port: number, options: BenchApp['options']): Pool =>
    stack.pool(of, {
      app: stack.app(`${of}-app`, options),
      replicas: 1,
      ...(app.oneAtATime && { maxConcurrency: 1 }),
      ...loopback(port),
    });
  const router = stack
    .router('web', loopback(routerPort))
    .route('/app/', stack.app('app', { ...app.options, ...loopback(appPort) }))
    .route('/kept/', stack.app('kept', kept))
    .route('/pool/', pool('pool', poolPort, app.options));
  // With `maxConcurrency`, no connection to a worker is kept, whatever the app says.
  if (!app.oneAtATime) router.route('/kept-pool/', pool('kept-pool', keptPoolPort, kept));
  return stack;
}

const local = (port: number, path = ''): string => `http://127.0.0.1:${port}/${path}`;

function waysTo({ oneAtATime }: BenchApp): readonly Way[] {
  return [
    { what: "the app's own port", url: local(appPort) },
    { what: "the app's own port, new connections", url: local(appPort), connections: 'new' },
    { what: 'a route to the app', url: local(routerPort, 'app/') },
    { what: 'a route to the app, `keepAlive: true`', url: local(routerPort, 'kept/') },
    { what: 'a route to a pool of one', url: local(routerPort, 'pool/') },
    { what: "the pool's own port", url: local(poolPort) },
    ...(oneAtATime
      ? []
      : [
          { what: 'a route to a pool of one, `keepAlive: true`', url: local(routerPort, 'kept-pool/') },
          { what: "that pool's own port", url: local(keptPoolPort) },
        ]),
    { what: "the article's nginx", url: local(articlePort, 'app0/') },
  ];
}

/** In turns: what else the machine does, it does to all. */
async function measured(ways: readonly Way[], count: number): Promise<Times> {
  const times = new Map(ways.map((way) => [way, [] as (readonly number[])[]]));
  for (let round = 0; round < rounds; round++)
    for (const [way, all] of times)
      all.push(await timeRequests(way.url, count, turnMs, way.connections ?? 'kept'));
  return times;
}

/** The app's own port is what all are compared with, asked in the way in which the app is the faster one. */
function directOf(times: Times): readonly (readonly number[])[] {
  const [kept = [], fresh = []] = [...times.values()];
  return median(kept.map(median)) < median(fresh.map(median)) ? kept : fresh;
}

function figures(times: Times, way: Way): readonly (string | number)[] {
  const own = times.get(way) ?? [];
  const direct = directOf(times);
  const each = own.map((round, index) => [median(round), median(direct[index] ?? [])] as const);
  const [over, ratio] = [median(each.map(([a, b]) => a - b)), median(each.map(([a, b]) => a / b))];
  return [
    median(own.flat()).toFixed(2),
    quantile(own.flat(), 0.99).toFixed(2),
    ...(own === direct ? ['', ''] : [over.toFixed(2), ratio.toFixed(2)]),
  ];
}

async function compare(app: BenchApp, runtime: DockerRuntime): Promise<void> {
  const name = `bench-router-${app.name}`;
  const article = {
    name: `${name}-article`,
    apps: 1,
    workers: 0,
    port: articlePort,
    proxies: 'article',
  } as const;
  await using project = await ComposeProject.create({ ...article, app });
  await using _ours = { [Symbol.asyncDispose]: async () => void (await runtime.down(name)) };
  await Promise.all([runtime.up(stackOf(name, app)), project.compose('up', '-d')]);
  const ways = waysTo(app);
  await untilAllAnswer(ways.map(({ url }) => url));
  for (const { url } of ways) await timeRequests(url, 8, turnMs, 'kept');
  const all: Times[] = [];
  for (const count of clients) all.push(await measured(ways, count));
  // Ways are the same objects in both.
  for (const way of ways)
    console.log(row(app.title, way.what, ...all.flatMap((times) => figures(times, way))));
}

async function main(): Promise<void> {
  await using runtime = new DockerRuntime();
  const heads = clients.flatMap((count) => {
    const who = count === 1 ? 'one client' : `${count} clients`;
    return [`${who}, p50 ms`, 'p99 ms', 'over direct, ms', 'x direct'];
  });
  console.log(row('app', 'way', ...heads));
  console.log(row('---', '---', ...heads.map(() => '---')));
  for (const app of lightApps) await compare(app, runtime);
}

void main();

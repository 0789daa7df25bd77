// Requests a second through nginx and HAProxy to a pool, measured by wrk: plumbstack's proxies beside the same pair tuned by
// hand, the article's plain configuration, and the own port of one app. Of a Node app and of an R app. Needs `wrk` (Debian's
// package of that name).
import { execFileSync } from 'node:child_process';
import { DockerRuntime } from '@plumbstack/docker';
import { lightApps, type BenchApp } from './support/bench-app';
import { benchStack, routesOf, type BenchOptions } from './support/bench-stack';
import type { Connections } from './support/clients';
import { ComposeProject } from './support/compose-project';
import { median, row, untilAllAnswer } from './support/measure';

const rounds = Number(process.env['ROUNDS'] ?? 4);
const secondsEach = Number(process.env['SECONDS_EACH'] ?? 1);
const appPort = 28_090;
const byHand = 'the same pair tuned by hand';

interface Rate {
  readonly perSecond: number;
  readonly failed: number;
}

/** wrk tells of answers that are no success only where there are any. */
function wrk({ url, connections = 'kept' }: Contender): Rate {
  const perConnection = connections === 'new' ? ['-H', 'Connection: close'] : [];
  const args = ['-t2', '-c32', `-d${secondsEach}s`, ...perConnection, url];
  const told = execFileSync('wrk', args, { encoding: 'utf8' });
  const figure = (pattern: RegExp): number => Number(pattern.exec(told)?.[1] ?? 0);
  const errors = [...(/Socket errors: (.*)/.exec(told)?.[1]?.matchAll(/\d+/g) ?? [])];
  return {
    perSecond: figure(/Requests\/sec:\s+([\d.]+)/),
    failed: figure(/Non-2xx or 3xx responses: (\d+)/) + errors.reduce((sum, [each]) => sum + Number(each), 0),
  };
}

interface Contender {
  readonly who: string;
  readonly url: string;
  /** Of the visitors. @default 'kept' */
  readonly connections?: Connections;
  readonly rates: Rate[];
}

const contender = (who: string, url = ''): Contender => ({ who, url, rates: [] });
const poolOf = (options: BenchOptions): string | undefined => routesOf({ ...options, apps: 0 })[0];

/** How plumbstack's pool may be declared. */
interface Declared {
  readonly who: string;
  readonly own: Pick<BenchOptions, 'maxConcurrency' | 'keepAlive'>;
}

/** With `maxConcurrency`, no connection to a worker is kept, whatever the app says: `keepAlive` is not asked there. */
function declarations({ oneAtATime }: BenchApp): readonly Declared[] {
  return [
    { who: 'plumbstack', own: {} },
    oneAtATime
      ? { who: 'plumbstack, `maxConcurrency: 1`', own: { maxConcurrency: 1 } }
      : { who: 'plumbstack, `keepAlive: true`', own: { keepAlive: true } },
  ];
}

async function compare(app: BenchApp, runtime: DockerRuntime): Promise<void> {
  const common = { apps: 0, workers: 3, app };
  const named = (name: string): string => `bench-rate-${app.name}-${name}`;
  const ours = declarations(app).map(({ who, own }, index) => ({
    who,
    own: {
      ...common,
      ...own,
      name: named(String(index)),
      port: 28_091 + index,
      ...(index === 0 && { apps: 1, appPort }),
    },
  }));
  const oneAtATime = { ...(app.oneAtATime && { maxConcurrency: 1 }) };
  const best = { ...common, ...oneAtATime, name: named('best'), port: 28_191, proxies: 'best' } as const;
  const article = { ...common, name: named('article'), port: 28_192, proxies: 'article' } as const;
  await using bestProject = await ComposeProject.create(best);
  await using articleProject = await ComposeProject.create(article);
  await using _ours = {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(ours.map(({ own }) => runtime.down(own.name)));
    },
  };
  await Promise.all([
    bestProject.compose('up', '-d'),
    articleProject.compose('up', '-d'),
    ...ours.map(({ own }) => runtime.up(benchStack(own))),
  ]);
  await inTurns(app, [
    ...ours.map(({ who, own }) => contender(who, poolOf(own))),
    contender(byHand, poolOf(best)),
    contender("the article's", poolOf(article)),
    { ...contender("one app's own port", `http://127.0.0.1:${appPort}/`), connections: app.direct },
  ]);
}

/** In turns: what else the machine does, it does to all. */
async function inTurns(app: BenchApp, contenders: readonly Contender[]): Promise<void> {
  await untilAllAnswer(contenders.map(({ url }) => url));
  for (const each of contenders) wrk(each);
  for (let round = 0; round < rounds; round++) for (const each of contenders) each.rates.push(wrk(each));

  const reference = contenders.find(({ who }) => who === byHand)?.rates ?? [];
  for (const { who, rates } of contenders) {
    const perSecond = Math.round(median(rates.map((each) => each.perSecond)));
    const ratio = median(rates.map((each, round) => each.perSecond / (reference[round]?.perSecond ?? 0)));
    const failed = rates.reduce((sum, each) => sum + each.failed, 0);
    console.log(row(app.title, who, String(perSecond), ratio.toFixed(2), String(failed)));
  }
}

async function main(): Promise<void> {
  await using runtime = new DockerRuntime();
  console.log(row('app', 'proxies', 'requests/s', 'x by hand', 'failed'));
  console.log(row('---', '---', '---', '---', '---'));
  for (const app of lightApps) await compare(app, runtime);
}

void main();

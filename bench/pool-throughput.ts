// Requests a second through nginx and HAProxy to a pool, measured by wrk: plumbstack's proxies beside the same pair tuned by
// hand, the article's plain configuration, and the own port of one app. Of a Node app and of an R app. Needs `wrk` (Debian's
// package of that name).
import { execFileSync } from 'node:child_process';
import { DockerRuntime } from '@plumbstack/docker';
import { lightApps, type BenchApp } from './support/bench-app';
import { benchStack, routesOf, type BenchOptions } from './support/bench-stack';
import { ComposeProject } from './support/compose-project';
import { median, row, untilAllAnswer } from './support/measure';

const rounds = Number(process.env['ROUNDS'] ?? 3);
const secondsEach = Number(process.env['SECONDS_EACH'] ?? 1);
const appPort = 28_090;
const byHand = 'the same pair tuned by hand';

interface Rate {
  readonly perSecond: number;
  readonly failed: number;
}

/** wrk tells of answers that are no success only where there are any. */
function wrk(url: string): Rate {
  const args = ['-t2', '-c32', `-d${secondsEach}s`, '--latency', url];
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
  readonly rates: Rate[];
}

const contender = (who: string, url = ''): Contender => ({ who, url, rates: [] });
const poolOf = (options: BenchOptions): string | undefined => routesOf({ ...options, apps: 0 })[0];

async function compare(app: BenchApp, runtime: DockerRuntime): Promise<void> {
  const common = { apps: 0, workers: 3, app, ...(app.oneAtATime && { maxConcurrency: 1 }) };
  const named = (name: string): string => `bench-rate-${app.name}-${name}`;
  const ours = { ...common, name: named('ours'), apps: 1, appPort, port: 28_091 };
  const kept = { ...common, name: named('kept'), port: 28_092, keepAlive: true };
  const best = { ...common, name: named('best'), port: 28_191, proxies: 'best' } as const;
  const article = { ...common, name: named('article'), port: 28_192, proxies: 'article' } as const;
  await using bestProject = await ComposeProject.create(best);
  await using articleProject = await ComposeProject.create(article);
  // With `maxConcurrency`, no connection to a worker is kept, whatever the app says.
  const stacks = app.oneAtATime ? [ours] : [ours, kept];
  await using _ours = {
    [Symbol.asyncDispose]: async () => {
      for (const { name } of stacks) await runtime.down(name);
    },
  };
  for (const each of stacks) await runtime.up(benchStack(each));
  await bestProject.compose('up', '-d');
  await articleProject.compose('up', '-d');
  await inTurns(app, [
    contender('plumbstack', poolOf(ours)),
    ...(app.oneAtATime ? [] : [contender('plumbstack, `keepAlive: true`', poolOf(kept))]),
    contender(byHand, poolOf(best)),
    contender("the article's", poolOf(article)),
    contender("one app's own port", `http://127.0.0.1:${appPort}/`),
  ]);
}

/** In turns: what else the machine does, it does to all. */
async function inTurns(app: BenchApp, contenders: readonly Contender[]): Promise<void> {
  await untilAllAnswer(contenders.map(({ url }) => url));
  for (const { url } of contenders) wrk(url);
  for (let round = 0; round < rounds; round++) for (const { url, rates } of contenders) rates.push(wrk(url));

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

// Requests a second through nginx and HAProxy to a pool, measured by wrk: plumbstack's proxies beside the same pair tuned by
// hand and beside the article's plain configuration. Needs `wrk` (Debian's package of that name).
import { execFileSync } from 'node:child_process';
import { DockerRuntime } from '@plumbstack/docker';
import { benchStack, routesOf, type BenchOptions } from './support/bench-stack';
import { ComposeProject } from './support/compose-project';
import { median, row, untilAllAnswer } from './support/measure';

const rounds = 7;
const secondsEach = 5;
const options: BenchOptions = { name: 'bench-rate', apps: 0, workers: 3, port: 28_091 };

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

async function contender(who: string, own: BenchOptions): Promise<Contender> {
  const [url = ''] = routesOf(own);
  await untilAllAnswer([url]);
  wrk(url);
  return { who, url, rates: [] };
}

async function main(): Promise<void> {
  const best = { ...options, name: 'bench-rate-best', port: 28_191, proxies: 'best' } as const;
  const article = { ...options, name: 'bench-rate-article', port: 28_192, proxies: 'article' } as const;
  await using runtime = new DockerRuntime();
  await using bestProject = await ComposeProject.create(best);
  await using articleProject = await ComposeProject.create(article);
  await using _ours = { [Symbol.asyncDispose]: async () => void (await runtime.down(options.name)) };
  await runtime.up(benchStack(options));
  await bestProject.compose('up', '-d');
  await articleProject.compose('up', '-d');
  const contenders = [
    await contender('plumbstack', options),
    await contender('the same pair tuned by hand', best),
    await contender("the article's", article),
  ];
  // In turns: what else the machine does, it does to all.
  for (let round = 0; round < rounds; round++) for (const { url, rates } of contenders) rates.push(wrk(url));

  const ours = contenders[0]?.rates ?? [];
  console.log('| proxies | requests/s | plumbstack is x times | failed |\n| --- | --- | --- | --- |');
  for (const { who, rates } of contenders) {
    const perSecond = Math.round(median(rates.map((each) => each.perSecond)));
    const ratio = median(rates.map((each, round) => (ours[round]?.perSecond ?? 0) / each.perSecond));
    const failed = rates.reduce((sum, each) => sum + each.failed, 0);
    console.log(row(who, perSecond, ratio.toFixed(2), String(failed)));
  }
}

void main();

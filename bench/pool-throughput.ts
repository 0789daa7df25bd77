// Requests a second through nginx and HAProxy to a pool, measured by wrk: plumbstack's proxies beside the same pair tuned by
// hand and beside the article's plain configuration. Needs `wrk` (Debian's package of that name).
import { execFileSync } from 'node:child_process';
import { DockerRuntime } from '@plumbstack/docker';
import { benchStack, routesOf, type BenchOptions } from './support/bench-stack';
import { ComposeProject } from './support/compose-project';
import { median, row, untilAllAnswer } from './support/measure';

const rounds = 3;
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

async function rated(who: string, own: BenchOptions): Promise<number> {
  const [url = ''] = routesOf(own);
  await untilAllAnswer([url]);
  wrk(url);
  const rates = Array.from({ length: rounds }, () => wrk(url));
  const perSecond = median(rates.map((each) => each.perSecond));
  console.log(row(who, Math.round(perSecond), String(rates.reduce((sum, { failed }) => sum + failed, 0))));
  return perSecond;
}

async function compose(proxies: 'best' | 'article', port: number): Promise<number> {
  const own = { ...options, name: `bench-rate-${proxies}`, port, proxies };
  const project = await ComposeProject.create(own);
  try {
    await project.compose('up', '-d');
    return await rated(proxies === 'best' ? 'tuned by hand' : "the article's", own);
  } finally {
    await project[Symbol.asyncDispose]();
  }
}

async function main(): Promise<void> {
  await using runtime = new DockerRuntime();
  console.log('| proxies | requests/s | failed |\n| --- | --- | --- |');
  let ours: number;
  try {
    await runtime.up(benchStack(options));
    ours = await rated('plumbstack', options);
  } finally {
    await runtime.down(options.name);
  }
  const best = await compose('best', 28_191);
  const article = await compose('article', 28_192);
  console.log(`\nplumbstack / tuned by hand: ${(ours / best).toFixed(2)}`);
  console.log(`plumbstack / the article's: ${(ours / article).toFixed(2)}`);
}

void main();

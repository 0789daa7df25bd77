// Cold up until every route answers, up with nothing to do, a plan, and down: beside Docker Compose, in turn, in one run.
// Compose has one network for all; beside it stands what a stack takes that has one network, too. More containers than a
// machine holds are in memory.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { DockerRuntime } from '@plumbstack/docker';
import { InMemoryRuntime } from '@plumbstack/testing';
import { benchStack, routesOf, type BenchOptions } from './support/bench-stack';
import { ComposeProject } from './support/compose-project';
import { median, row, timed, untilAllAnswer } from './support/measure';

const rounds = Number(process.env['ROUNDS'] ?? 3);

/** Containers are apps + workers + the two proxies. */
const sizes: readonly BenchOptions[] = [
  { name: 'bench-6', apps: 1, workers: 3, port: 28_080 },
  { name: 'bench-30', apps: 14, workers: 14, port: 28_081 },
];

/** In memory alone. */
const many: BenchOptions = { name: 'bench-300', apps: 149, workers: 149, port: 28_082 };

interface Figures {
  readonly up: number[];
  readonly noop: number[];
  readonly process: number[];
  /** A look at what is there: our plan, and `docker compose ps`. */
  readonly look: number[];
  readonly down: number[];
}
const none = (): Figures => ({ up: [], noop: [], process: [], look: [], down: [] });

async function plumbstack(options: BenchOptions, figures: Figures): Promise<void> {
  await using runtime = new DockerRuntime();
  const stack = benchStack(options);
  try {
    figures.up.push(
      await timed(async () => (await runtime.up(stack), await untilAllAnswer(routesOf(options)))),
    );
    figures.noop.push(median(await repeat(5, () => timed(() => runtime.up(stack)))));
    figures.look.push(median(await repeat(5, () => timed(() => runtime.plan(stack)))));
    figures.process.push(await timed(() => wholeProcess(options)));
  } finally {
    figures.down.push(await timed(() => runtime.down(stack)));
  }
}

function wholeProcess(options: BenchOptions): void {
  const spec = JSON.stringify(benchStack(options).toSpec());
  const { status, stderr } = spawnSync(process.execPath, [join(__dirname, 'support', 'up-once.cjs'), spec]);
  if (status !== 0) throw new Error(stderr.toString());
}

async function compose(options: BenchOptions, figures: Figures): Promise<void> {
  const project = await ComposeProject.create({
    ...options,
    name: `${options.name}-compose`,
    port: options.port + 100,
  });
  try {
    const routes = routesOf({ ...options, port: options.port + 100 });
    figures.up.push(
      await timed(async () => (await project.compose('up', '-d'), await untilAllAnswer(routes))),
    );
    figures.noop.push(median(await repeat(5, () => timed(() => project.compose('up', '-d')))));
    figures.look.push(median(await repeat(5, () => timed(() => project.compose('ps')))));
  } finally {
    figures.down.push(await timed(() => project.compose('down')));
    await project[Symbol.asyncDispose]();
  }
}

/** Model, spec and comparison, without an engine. */
async function inMemory(options: BenchOptions, figures: Figures): Promise<void> {
  const runtime = new InMemoryRuntime();
  const stack = benchStack(options);
  figures.up.push(await timed(() => runtime.up(stack)));
  figures.noop.push(median(await repeat(5, () => timed(() => runtime.up(stack)))));
  figures.look.push(median(await repeat(5, () => timed(() => runtime.plan(stack)))));
}

async function repeat(times: number, work: () => Promise<number>): Promise<readonly number[]> {
  const figures: number[] = [];
  for (let each = 0; each < times; each++) figures.push(await work());
  return figures;
}

async function main(): Promise<void> {
  console.log(
    '| containers | work | plumbstack ms | one network ms | Compose ms | ratio | ratio, one network |\n| --- | --- | --- | --- | --- | --- | --- |',
  );
  for (const options of sizes) {
    const [isolated, shared, theirs] = [none(), none(), none()];
    for (let round = 0; round < rounds; round++) {
      await plumbstack(options, isolated);
      await plumbstack({ ...options, isolation: false }, shared);
      await compose(options, theirs);
    }
    const containers = options.apps + options.workers + 2;
    const show = (work: string, key: keyof Figures, peer: keyof Figures): void => {
      const [a, b, c] = [median(isolated[key]), median(shared[key]), median(theirs[peer])];
      console.log(row(containers.toString(), work, a, b, c, a / c, b / c));
    };
    show('cold up, every route answers', 'up', 'up');
    show('no-op up, in a running program', 'noop', 'noop');
    show('no-op up, whole process', 'process', 'noop');
    show('plan, beside compose ps', 'look', 'look');
    show('down', 'down', 'down');
  }
  const figures = none();
  for (let round = 0; round < rounds; round++) await inMemory(many, figures);
  const containers = String(many.apps + many.workers + 2);
  for (const [work, measured] of [
    ['up, in memory', figures.up],
    ['no-op up, in memory', figures.noop],
    ['plan, in memory', figures.look],
  ] as const) {
    console.log(row(containers, work, median(measured), '', '', '', ''));
  }
}

void main();

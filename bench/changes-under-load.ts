// What visitors lose while a stack changes: an update of everything, scaling up and down, a killed worker, a crash of HAProxy,
// another port of its. Beside Docker Compose with the best configuration by hand, in one run.
import { execFileSync } from 'node:child_process';
import { DockerRuntime } from '@plumbstack/docker';
import { benchStack, routesOf, type BenchOptions } from './support/bench-stack';
import { ComposeProject } from './support/compose-project';
import { startLoad, type LoadResult } from './support/load';
import { row, timed, untilAllAnswer } from './support/measure';

const options: BenchOptions = { name: 'bench-load', apps: 1, workers: 3, port: 28_090 };
const composeOptions = { ...options, name: 'bench-load-compose', port: 28_190 };

async function under(load: readonly string[], what: string, who: string, work: () => unknown): Promise<void> {
  const running = startLoad(load);
  await pause(500);
  const took = await timed(work);
  await pause(1500);
  const { sent, failed, longestGapMs }: LoadResult = await running.stop();
  console.log(row(what, who, `${failed} / ${sent}`, Math.round(longestGapMs), Math.round(took)));
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const kill = (container: string): void => void execFileSync('docker', ['kill', container]);
/** From inside, so that the engine starts it again. */
const crash = (container: string): void => {
  try {
    execFileSync('docker', ['exec', container, 'sh', '-c', 'kill -9 -1'], { stdio: 'ignore' });
  } catch {
    // Its end takes the command along.
  }
};
/** A crash, and until it answers again. */
const crashAndBack = async (container: string, routes: readonly string[]): Promise<void> => {
  crash(container);
  await pause(200);
  await untilAllAnswer(routes);
};

async function main(): Promise<void> {
  await using runtime = new DockerRuntime();
  const project = await ComposeProject.create(composeOptions);
  console.log('| change | who | failed / sent | longest gap ms | took ms |\n| --- | --- | --- | --- | --- |');
  try {
    const [ours, theirs] = [routesOf(options), routesOf(composeOptions)];
    const deployment = await runtime.up(benchStack(options));
    await untilAllAnswer(ours);
    await under(ours, 'new version of app and pool', 'plumbstack', () =>
      runtime.up(benchStack(options, '2')),
    );
    await under(ours, 'scale 3 to 6 to 3', 'plumbstack', async () => {
      await deployment.scale('workers', 6);
      await deployment.scale('workers', 3);
    });
    const [worker] = (await deployment.status()).resources.flatMap(({ containers }) =>
      containers.filter(({ role }) => role === 'worker'),
    );
    await under(ours, 'docker kill of a worker', 'plumbstack', () => kill(worker?.name ?? ''));
    const pool = ours.filter((each) => each.includes('/pool/'));
    await under(pool, 'crash of HAProxy', 'plumbstack', () => crashAndBack(`${options.name}-workers`, pool));
    for (const poolPort of [28_091, 28_092]) {
      const what = poolPort === 28_091 ? 'HAProxy publishes a port' : 'HAProxy publishes another port';
      await under(pool, what, 'plumbstack', () => runtime.up(benchStack({ ...options, poolPort }, '2')));
    }
    await runtime.down(options.name);

    await project.compose('up', '-d');
    await untilAllAnswer(theirs);
    await project.write('2');
    await under(theirs, 'new version of app and pool', 'Compose', () => project.compose('up', '-d'));
    await under(theirs, 'scale 3 to 6 to 3', 'Compose', async () => {
      await project.compose('up', '-d', '--scale', 'worker=6');
      await project.compose('up', '-d', '--scale', 'worker=3');
    });
    await under(theirs, 'docker kill of a worker', 'Compose', () => kill(`${composeOptions.name}-worker-1`));
    const lb = theirs.filter((each) => each.includes('/pool/'));
    await under(lb, 'crash of HAProxy', 'Compose', () => crashAndBack(`${composeOptions.name}-lb-1`, lb));
  } finally {
    await runtime.down(options.name);
    await project[Symbol.asyncDispose]();
  }
}

void main();

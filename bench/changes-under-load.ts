// What visitors lose while a stack changes: an update of everything, scaling up and down, a killed worker. Beside Docker
// Compose with the best configuration by hand, in one run.
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
  } finally {
    await runtime.down(options.name);
    await project[Symbol.asyncDispose]();
  }
}

void main();

import { DockerRuntime } from '@plumbstack/docker';
import { upEphemeral } from '@plumbstack/testing';

/** Brings a stack up that it never takes down, says its name, and goes on; or is killed while it brings it up. */
async function main([when = '']: readonly string[]): Promise<void> {
  const runtime = new DockerRuntime();
  const deployment = await upEphemeral(
    runtime,
    (stack) => {
      console.log(stack.name);
      const quiet = { image: 'node:24-slim', command: ['node', '-e', 'setInterval(() => {}, 1000)'] };
      const data = stack.volume('data');
      stack.service('one', { ...quiet, mounts: [{ volume: data, target: '/data' }], stopGraceMs: 0 });
      stack.service('two', { ...quiet, dependsOn: [], stopGraceMs: 0 });
      if (when === 'during')
        runtime.events.on('container:started', () => process.kill(process.pid, 'SIGKILL'));
    },
    { cleaner: { module: '@plumbstack/docker', export: 'DockerRuntime', from: __dirname } },
  );
  console.log('up');
  if (when === 'ends') return;
  await deployment.status();
  setInterval(() => undefined, 1000);
}

void main(process.argv.slice(2));

import assert from 'node:assert/strict';
import { docker } from '../../support/docker-cli';
import { ask, Lab } from '../../support/lab';
import { lightApp } from '../../support/light-app';

const megabyte = 1024 * 1024;

describe('limits and restart policies', () => {
  const lab = new Lab();
  afterEach(() => lab.clear());

  it('change in the running container, of an app and of every worker', async () => {
    const stack = lab.stack();
    const deploy = (memoryBytes: number, restart: 'always' | 'unless-stopped'): Promise<unknown> => {
      const version = lab.again(stack);
      const options = { resources: { memoryBytes, pids: 100 }, restart };
      version.app('app', lightApp(options));
      version.pool('workers', { app: version.app('pooled', lightApp(options)), replicas: 2 });
      return lab.runtime.up(version);
    };
    await deploy(128 * megabyte, 'always');
    const names = ['app', 'workers-1', 'workers-2'].map((each) => `${stack.name}-${each}`);
    const facts = (format: string): Promise<readonly string[]> =>
      Promise.all(names.map((name) => docker('inspect', '--format', format, name)));
    const ids = await facts('{{.Id}} {{.State.StartedAt}}');

    await deploy(256 * megabyte, 'unless-stopped');
    assert.deepEqual(await facts('{{.Id}} {{.State.StartedAt}}'), ids);
    assert.deepEqual(
      await facts('{{.HostConfig.Memory}} {{.HostConfig.RestartPolicy.Name}} {{.HostConfig.PidsLimit}}'),
      names.map(() => `${256 * megabyte} unless-stopped 100`),
    );
  });

  it('are in the plan as an update, and in no plan after it', async () => {
    const stack = lab.stack();
    stack.app('app', lightApp({ resources: { memoryBytes: 128 * megabyte } }));
    await lab.runtime.up(stack);
    const next = lab.again(stack);
    next.app('app', lightApp({ resources: { memoryBytes: 192 * megabyte } }));
    const step = (await lab.runtime.plan(next)).steps.find(({ kind }) => kind === 'app');
    assert.equal(step?.action, 'update');
    assert.deepEqual(step.reasons, [
      { path: 'resources.memoryBytes', from: 128 * megabyte, to: 192 * megabyte },
    ]);
    await lab.runtime.up(next);
    assert.equal((await lab.runtime.plan(next)).isEmpty, true);
  });

  it('need another container only where a limit is taken away', async () => {
    const stack = lab.stack();
    stack.app('app', lightApp({ resources: { memoryBytes: 128 * megabyte }, publish: 0 }));
    await lab.runtime.up(stack);
    const next = lab.again(stack);
    next.app('app', lightApp({ publish: 0 }));
    assert.equal((await lab.runtime.plan(next)).steps.find(({ kind }) => kind === 'app')?.action, 'replace');
    const deployment = await lab.runtime.up(next);
    assert.equal(await docker('inspect', '--format', '{{.HostConfig.Memory}}', `${stack.name}-app`), '0');
    assert.equal((await ask(deployment.endpoint('app'), '/')).host, 'app');
    assert.equal((await lab.runtime.plan(next)).isEmpty, true);
  });
});

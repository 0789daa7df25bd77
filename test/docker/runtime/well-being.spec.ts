import assert from 'node:assert/strict';
import type { AppOptions } from '@plumbstack/core';
import { until } from '../../support/docker-cli';
import { ask, Lab } from '../../support/lab';
import { lightApp } from '../../support/light-app';

/** An app that says nothing of its health and listens a second after its start; it can be told to close its port. */
function lateApp(): AppOptions {
  const { command = [], ...options } = lightApp({ publish: { port: 0, host: '127.0.0.1' } });
  const close =
    "process.on('SIGUSR2', () => { app.close(); app.closeAllConnections(); setInterval(() => {}, 60_000); })";
  const code = `setTimeout(() => { ${command[2]}; ${close}; }, 1000)`;
  return { ...options, command: ['node', '-e', code] };
}

describe('an app that says nothing of its health', () => {
  const lab = new Lab();
  afterEach(() => lab.clear());

  it('has been restarted when its port is open again', async () => {
    const stack = lab.stack();
    stack.app('app', lateApp());
    const deployment = await lab.runtime.up(stack);
    await ask(deployment.endpoint('app'), '/count');
    await deployment.restart('app');
    assert.equal((await ask(deployment.endpoint('app'), '/count')).count, 1);
  });

  it('is not well while its port is closed, whatever its process does', async () => {
    const stack = lab.stack();
    stack.app('app', lateApp());
    const deployment = await lab.runtime.up(stack);
    assert.equal((await deployment.status()).healthy, true);
    // The container's first process hands signals on to the app.
    const { exitCode } = await deployment.exec('app', ['sh', '-c', 'kill -USR2 1']);
    assert.equal(exitCode, 0);
    // A signal is sent, not carried out: on a busy machine the app closes its port later.
    const answers = () =>
      ask(deployment.endpoint('app'), '/count').then(
        () => true,
        () => false,
      );
    await until('the port is closed', async () => !(await answers()));
    const { healthy, resources } = await deployment.status();
    assert.equal(healthy, false);
    assert.equal(resources[0]?.running, 1);
    assert.equal(resources[0]?.containers[0]?.health, 'unhealthy');
  });
});

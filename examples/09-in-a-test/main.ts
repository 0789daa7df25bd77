// A test of an R API as it is hosted: behind its router, in its pool, on a free port.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plumber } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';
import { upEphemeral } from '@plumbstack/testing';

// How another process takes the stack down where this one is killed.
const cleaner = { module: '@plumbstack/docker', export: 'DockerRuntime', from: __dirname };

void test('interest is paid every year', async () => {
  await using runtime = new DockerRuntime();
  await using deployment = await upEphemeral(
    runtime,
    (stack) => {
      const app = stack.app('bank', plumber('./api/plumber.R'));
      const workers = stack.pool('workers', { app, replicas: 2 });
      stack.router('web', { publish: { port: 0, host: '127.0.0.1' } }).route('/bank/', workers);
    },
    { cleaner, prefix: 'bank' },
  );
  const answer = await fetch(new URL('/bank/interest/10', deployment.endpoint('web')));
  assert.deepEqual(await answer.json(), { sum: 121.9 });
});

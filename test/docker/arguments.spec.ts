import assert from 'node:assert/strict';
import { isPlumbstackError, Stack } from '@plumbstack/core';
import { DockerRuntime, type DockerRuntimeOptions } from '@plumbstack/docker';
import { refusalOf } from '../core/refusal';

/** A verb as programs without types call it. */
type Untyped = (...given: readonly unknown[]) => Promise<unknown>;

describe('the Docker runtime', () => {
  const stack = new Stack('values-arguments');
  const calls: readonly (readonly [verb: string, path: string, ...given: readonly unknown[]])[] = [
    ['up', 'up.stack', 'shop'],
    ['up', 'up.stack', undefined],
    ['up', 'up.timeoutMs', stack, { timeoutMs: '5' }],
    ['plan', 'plan.stack', { name: 'shop' }],
    ['attach', 'attach.stackName', stack],
    ['down', 'down.stack', undefined],
    ['down', 'down.stack', 'shop/api'],
    ['list', 'list', 5],
  ];
  for (const [verb, path, ...given] of calls) {
    it(`refuses a value of the wrong kind before it asks the engine: ${verb}, at ${path}`, async () => {
      await using runtime = new DockerRuntime({ host: 'tcp://127.0.0.1:1' });
      const call = (runtime as unknown as Record<string, Untyped>)[verb] ?? assert.fail('no such verb');
      await assert.rejects(call.call(runtime, ...given), (error) => {
        assert.ok(isPlumbstackError(error, 'INVALID_OPTION'), String(error));
        assert.equal(error.details['path'], path);
        return true;
      });
    });
  }

  const wrong: readonly (readonly [path: string, options: unknown, says?: RegExp])[] = [
    ['DockerRuntime', 'unix:///var/run/docker.sock', /not the text "unix:/],
    ['DockerRuntime', null],
    ['DockerRuntime.host', { host: 2375 }, /not the number 2375/],
    ['DockerRuntime.keepImages', { keepImages: '1' }],
    ['DockerRuntime.keepImages', { keepImages: -Infinity }],
    ['DockerRuntime.concurrency', { concurrency: 0 }],
    ['DockerRuntime.addressPool', { addressPool: '10.0.0.0/24' }],
    ['DockerRuntime.client', { client: [] }, /not an array/],
    ['DockerRuntime.timeout', { timeout: 5 }],
  ];
  for (const [path, options, says] of wrong) {
    it(`refuses ${JSON.stringify(options)} at ${path}`, () => {
      const error = refusalOf(() => new DockerRuntime(options as DockerRuntimeOptions));
      assert.equal(error.details['path'], path);
      if (says !== undefined) assert.match(error.message, says);
    });
  }
});

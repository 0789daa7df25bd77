import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { isPlumbstackError, type Stack } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';
import { docker } from '../../support/docker-cli';
import { FaultProxy } from '../../support/fault-proxy';
import { Lab, leftovers } from '../../support/lab';
import { lightApp } from '../../support/light-app';

// Begins each answer at once, and ends it a little after it is told to.
const server = `
const open = new Set();
require('node:http').createServer((request, response) => {
  response.writeHead(200, { 'x-accel-buffering': 'no' }).write('begun, ');
  open.add(response);
}).listen(8000);
process.on('SIGUSR2', () => setTimeout(() => { for (const each of open) each.end('ended'); }, 200));
process.on('SIGTERM', () => process.exit(0));
`;

// Takes its time to stop.
const lingering = `
require('node:http').createServer((_, response) => response.end()).listen(8000);
process.on('SIGTERM', () => setTimeout(() => process.exit(0), 1500));
`;

describe('down', () => {
  const lab = new Lab();
  afterEach(() => lab.clear());

  /** One worker, behind a router and on a port of its own. Another `timeoutMs` is a reload of all proxies. */
  function described(stack: Stack, timeoutMs: number): Stack {
    const next = lab.again(stack);
    const publish = { port: 0, host: '127.0.0.1' };
    const app = next.app('app', lightApp({ command: ['node', '-e', server] }));
    const pool = next.pool('workers', { app, replicas: 1, timeoutMs, publish });
    next.router('web', { publish }).route('/', pool, { timeoutMs });
    return next;
  }

  for (const [resource, proxy, isReloaded] of [
    ['web', 'web', false],
    ['workers', 'workers.front', false],
    ['web', 'web', true],
    ['workers', 'workers.front', true],
  ] as const) {
    const meanwhile = isReloaded ? ', which was reloaded meanwhile' : '';
    it(`lets the stack end the answers that it has begun, through ${resource}${meanwhile}`, async () => {
      await using engine = await FaultProxy.start();
      await using runtime = new DockerRuntime({ host: engine.host });
      const stack = lab.stack();
      const deployment = await runtime.up(described(stack, 30_000));
      const [answer] = (await once(get(deployment.endpoint(resource)), 'response')) as [IncomingMessage];
      if (isReloaded) await runtime.up(described(stack, 40_000));
      let stopped = false;
      engine.watch({
        aboutToSend: async ({ name }) => {
          if (name !== `POST /containers/{stack}-${proxy}/stop`) return undefined;
          stopped = true;
          await docker('kill', '--signal', 'USR2', `${stack.name}-workers-1`);
          return undefined;
        },
      });
      const [body] = await Promise.all([text(answer), runtime.down(stack)]);
      assert.equal(body, 'begun, ended');
      assert.ok(stopped);
      assert.deepEqual(await leftovers(stack.name), []);
    });
  }

  it('that fails lets go of the stack when all has ended that it has begun', async () => {
    await using engine = await FaultProxy.start();
    await using runtime = new DockerRuntime({ host: engine.host });
    const stack = lab.stack();
    stack.app('fails', lightApp());
    stack.app('lingers', lightApp({ command: ['node', '-e', lingering] }));
    await runtime.up(stack);
    const told: string[] = [];
    engine.watch({
      aboutToSend: ({ name, isWrite }) => {
        if (isWrite) told.push(name);
        return name === 'DELETE /containers/{stack}-fails' ? 500 : undefined;
      },
      answered: ({ name }) => void told.push(`answered ${name}`),
    });
    await assert.rejects(runtime.down(stack), (error) => isPlumbstackError(error, 'ENGINE_FAILED'));
    const failed = told.indexOf('DELETE /containers/{stack}-fails');
    const ended = told.indexOf('answered POST /containers/{stack}-lingers/stop');
    const letGo = told.indexOf('DELETE /containers/{stack}.lease');
    assert.ok(failed >= 0 && failed < ended && ended < letGo, told.join('\n'));
    assert.deepEqual(
      told.slice(letGo).filter((each) => !each.endsWith('DELETE /containers/{stack}.lease')),
      [],
    );
  });
});

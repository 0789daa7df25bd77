import assert from 'node:assert/strict';
import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isPlumbstackError, type Stack } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';
import { connect } from '@plumbstack/docker/client';
import { ContextFolder } from '../client/context-folder';
import { Lab, leftovers } from '../../support/lab';
import { startVisitors } from '../../support/visitors';

const server = (version: string): string => `
const server = require('node:http').createServer((request, response) => {
  request.resume();
  response.end('${version}');
});
server.listen(process.env.PORT);
process.on('SIGTERM', () => { server.close(() => process.exit(0)); server.closeIdleConnections(); });
`;

const bound = (value: unknown, target: object): unknown =>
  typeof value === 'function' ? (value.bind(target) as unknown) : value;

describe('folders of this machine', () => {
  const lab = new Lab();
  let folder: ContextFolder;

  beforeEach(() => {
    folder = new ContextFolder({ 'code/server.js': server('one') });
    for (const release of ['41', '42']) folder.write(`releases/${release}/index.html`, release);
    folder.write('current', '->releases/41');
  });
  afterEach(async () => {
    await lab.clear();
    folder[Symbol.dispose]();
  });

  const described = (stack: Stack): Stack => {
    const code = { bind: './code', target: '/app', restartOn: 'change' } as const;
    const run = { image: 'node:24-slim', command: ['node', '/app/server.js'], env: { PORT: '8000' } };
    const app = stack.app('api', { ...run, mounts: [code] });
    const workers = stack.pool('workers', { app, replicas: 2 });
    stack
      .router('web', { publish: { port: 0, host: '127.0.0.1' }, root: './current' })
      .route('/api/', workers);
    return stack;
  };

  it('that are not there are refused by plan and up, and nothing is made', async () => {
    const stack = lab.stack({ baseDir: folder.path });
    stack.app('api', { image: 'node:24-slim', mounts: [{ bind: './nowhere', target: '/data' }] });
    for (const work of [() => lab.runtime.plan(stack), () => lab.runtime.up(stack)])
      await assert.rejects(work(), (error) => {
        assert.ok(isPlumbstackError(error, 'NOT_FOUND'), String(error));
        assert.ok(error.message.includes(`api.mounts[0].bind: ${join(folder.path, 'nowhere')}`));
        return true;
      });
    assert.deepEqual(await leftovers(stack.name), []);
  });

  it('that an engine with other files lacks are refused by up, with who mounts them, and nothing is made', async () => {
    const client = await connect();
    // As that of an engine in a virtual machine, of which is known here only what it says.
    const unsure = new Proxy(client, {
      get: (target, name) =>
        name === 'sharesFiles' ? () => Promise.resolve(false) : bound(Reflect.get(target, name), target),
    });
    await using runtime = new DockerRuntime({ client: unsure });
    const stack = lab.stack({ baseDir: folder.path });
    const mounts = [{ bind: './code', target: '/app' }] as const;
    stack.app('fine', { image: 'node:24-slim', mounts });
    stack.app('lacking', { image: 'node:24-slim', mounts: [{ bind: './nowhere', target: '/data' }] });
    await assert.rejects(runtime.up(stack), (error) => {
      assert.ok(isPlumbstackError(error, 'NOT_FOUND'), String(error));
      assert.equal(error.resource, `${stack.name}/lacking`);
      return true;
    });
    assert.deepEqual(await leftovers(stack.name), []);
  });

  it('bring code to workers without a failed request, and a switched link to a router', async () => {
    const stack = described(lab.stack({ baseDir: folder.path }));
    const deployment = await lab.runtime.up(stack);
    const ask = async (path: string): Promise<string> =>
      (await fetch(new URL(path, deployment.endpoint('web')))).text();
    assert.deepEqual([await ask('/api/'), await ask('/')], ['one', '41']);

    const visitors = startVisitors([new URL('/api/', deployment.endpoint('web'))]);
    await visitors.settle(5);
    folder.write('code/server.js', server('two'));
    await lab.runtime.up(stack);
    await visitors.settle(5);
    assert.deepEqual((await visitors.leave()).failures, []);
    assert.equal(await ask('/api/'), 'two');

    rmSync(join(folder.path, 'current'));
    symlinkSync('releases/42', join(folder.path, 'current'));
    assert.equal(await ask('/'), '41');
    await lab.runtime.up(stack);
    assert.equal(await ask('/'), '42');
    assert.ok((await lab.runtime.plan(stack)).isEmpty);
  });
});

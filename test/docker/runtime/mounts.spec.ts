import assert from 'node:assert/strict';
import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isPlumbstackError, type Stack } from '@plumbstack/core';
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

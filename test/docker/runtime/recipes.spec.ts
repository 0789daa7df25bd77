import assert from 'node:assert/strict';
import { node, python, type Stack } from '@plumbstack/core';
import { buildPythonServers, pythonServers } from '../../transparency/real-servers';
import { ContextFolder } from '../client/context-folder';
import { buildImage } from '../../support/docker-cli';
import { Lab } from '../../support/lab';

/** As the official image is called. What its `npm` installs is another thing each time. */
const nodeImage = 'plumbstack-test/node:24';
const npm = String.raw`#!/bin/sh
test "$*" = "ci --omit=dev --no-audit --no-fund" && test -f package.json && test -f package-lock.json || exit 1
mkdir -p node_modules/installed && cp /proc/sys/kernel/random/uuid node_modules/installed/id`;

const server = (version: string): string => `
const id = require('node:fs').readFileSync('/app/node_modules/installed/id', 'utf8').trim();
require('node:http')
  .createServer((_, response) => response.end(['${version}', process.getuid(), process.env.NODE_ENV, id].join(' ')))
  .listen(process.env.PORT);
process.on('SIGTERM', () => process.exit(0));
`;

const asgi = `
async def app(scope, receive, send):
    text = scope["root_path"].encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(text)).encode())]})
    await send({"type": "http.response.body", "body": text})
`;
const wsgi = `
def api(environ, start_response):
    start_response("200 OK", [("Content-Length", "4")])
    return [b"wsgi"]
`;

describe('apps made by recipes', () => {
  const lab = new Lab();
  let folder: ContextFolder;

  before(async () => {
    await buildPythonServers();
    const program = Buffer.from(npm).toString('base64');
    const put = `echo ${program} | base64 -d > /usr/local/bin/npm && chmod +x /usr/local/bin/npm`;
    await buildImage(nodeImage, `FROM node:24-slim\nRUN ${put}\n`);
  });
  afterEach(async () => {
    await lab.clear();
    folder[Symbol.dispose]();
  });

  const text = async (url: URL): Promise<string> => {
    const response = await fetch(url);
    assert.equal(response.status, 200, url.href);
    return response.text();
  };

  it('of Node run as its user, and keep what is installed while only the code changes', async () => {
    folder = new ContextFolder({
      'api/server.js': server('one'),
      'api/package.json': '{}',
      'api/package-lock.json': '{}',
    });
    const described = (stack: Stack): Stack => {
      stack.app('api', node('./api/server.js', { install: true, image: nodeImage, publish: 0 }));
      return stack;
    };
    const stack = described(lab.stack({ baseDir: folder.path }));
    const first = await text((await lab.runtime.up(stack)).endpoint('api'));
    assert.match(first, /^one 1000 production [0-9a-f-]{36}$/);
    folder.write('api/server.js', server('two'));
    const again = described(lab.again(stack, { baseDir: folder.path }));
    assert.equal(await text((await lab.runtime.up(again)).endpoint('api')), first.replace('one', 'two'));
    folder.write('api/server.js', 'const = 5');
    await assert.rejects(lab.runtime.up(again), /IMAGE_BUILD_FAILED.*SyntaxError/s);
  });

  it('of Python are served by uvicorn, which knows their prefix, and by gunicorn', async () => {
    folder = new ContextFolder({ 'asgi/main.py': asgi, 'wsgi/main.py': wsgi });
    const stack = lab.stack({ baseDir: folder.path });
    const image = pythonServers;
    const one = stack.app('asgi', python('./asgi/main.py', { server: 'uvicorn', image }));
    const other = stack.app('wsgi', python('./wsgi/main.py', { server: 'gunicorn', app: 'api', image }));
    stack.router('web', { publish: 0 }).route('/one/', one).route('/other/', other);
    const { href } = (await lab.runtime.up(stack)).endpoint('web');
    assert.equal(await text(new URL('one/', href)), '/one');
    assert.equal(await text(new URL('other/', href)), 'wsgi');
  });
});

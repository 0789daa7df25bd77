import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { plumber, type AppOptions } from '@plumbstack/core';
import { hashPassword } from '@plumbstack/docker';
import type { LifecycleDeployment } from '@plumbstack/events';
import { docker } from '../../support/docker-cli';
import { Lab } from '../../support/lab';
import { lightApp } from '../../support/light-app';
import { ask, type Answer } from '../proxy/proxy-lab';

const loopback = { port: 0, host: '127.0.0.1' } as const;
const mebibyte = 1024 * 1024;

// Counts what comes in and never keeps it; streams events when asked to.
const sink: AppOptions = {
  image: 'node:24-slim',
  command: [
    'node',
    '-e',
    `
const { createHash } = require('node:crypto');
let begun = 0;
const app = require('node:http').createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://app');
  if (pathname === '/begun') return response.end(String(begun));
  if (pathname.startsWith('/events')) {
    response.writeHead(200, { 'content-type': 'text/event-stream', ...(pathname === '/events-now' && { 'x-accel-buffering': 'no' }) });
    response.write('data: one\\n\\n');
    return response.req.on('close', () => response.end());
  }
  begun++;
  let bytes = 0;
  const digest = createHash('sha256');
  for await (const chunk of request) { bytes += chunk.length; digest.update(chunk); }
  response.end(JSON.stringify({ bytes, digest: digest.digest('hex') }));
});
app.listen(8000);
process.on('SIGTERM', () => process.exit(0));
`,
  ],
};

describe('a router in front of apps', function () {
  this.timeout(180_000);
  const lab = new Lab();
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'er-router-'));
  });
  after(() => rm(folder, { recursive: true }));

  describe('and what is sent to it', () => {
    let deployment: LifecycleDeployment;
    let container: string;

    before(async () => {
      const stack = lab.stack();
      const app = stack.app('sink', sink);
      stack
        .router('web', { publish: loopback })
        .route('/kept/', app, { maxBodyBytes: 32 * mebibyte })
        .route('/passed/', app, { maxBodyBytes: 0 })
        .route('/live/', app, { buffering: false });
      deployment = await lab.runtime.up(stack);
      container = `${stack.name}-web`;
    });
    after(() => lab.clear());

    const open = (path: string, method: string, length?: number): ClientRequest =>
      httpRequest(new URL(path, deployment.endpoint('web')), {
        method,
        agent: false,
        ...(length !== undefined && { headers: { 'content-length': length } }),
        // A test that has seen enough leaves; who waits for an answer hears of failures.
      }).on('error', () => undefined);
    const answerTo = (request: ClientRequest): Promise<IncomingMessage> =>
      new Promise((resolve, reject) => request.once('response', resolve).once('error', reject));
    const begun = async (): Promise<number> =>
      Number(await (await fetch(new URL('/kept/begun', deployment.endpoint('web')))).text());
    /** Sizes of the files below a folder that nginx holds open: they have no name any more. */
    const heldBelow = async (folder: string): Promise<number> => {
      const list = `for fd in /proc/[0-9]*/fd/*; do case "$(readlink "$fd")" in ${folder}/*) stat -L -c %s "$fd";; esac; done`;
      const sizes = await docker('exec', container, 'sh', '-c', list);
      return sizes.split('\n').reduce((sum, each) => sum + Number(each), 0);
    };
    const memoryFiles = async (): Promise<number> =>
      Number((await docker('exec', container, 'df', '--output=used', '/tmp')).split('\n')[1]) * 1024;
    /** The most memory that any process of nginx has had so far. */
    const peakMemory = async (): Promise<number> => {
      const lines = await docker('exec', container, 'sh', '-c', 'grep -h VmHWM /proc/[0-9]*/status');
      return Math.max(...lines.split('\n').map((line) => Number(/(\d+) kB/.exec(line)?.[1] ?? 0) * 1024));
    };

    it('collects an upload on disk, not in memory, before an app is kept busy with it', async () => {
      const body = Buffer.alloc(30 * mebibyte, 'plumbstack');
      const before = await begun();
      const request = open('/kept/', 'POST', body.length);
      await new Promise((resolve) => request.write(body.subarray(0, -1), resolve));
      await eventually(async () => (await heldBelow('/var/tmp')) >= 29 * mebibyte);
      assert.equal(await begun(), before);
      assert.ok((await memoryFiles()) < mebibyte);
      assert.ok((await peakMemory()) < 64 * mebibyte, `${await peakMemory()}`);
      request.end(body.subarray(-1));
      const answer = JSON.parse(await textOf(await answerTo(request))) as unknown;
      assert.deepEqual(answer, { bytes: body.length, digest: sha256(body) });
      await eventually(async () => (await heldBelow('/var/tmp')) === 0);
    });

    it('passes an upload of any size on, and keeps none of it', async () => {
      const chunk = Buffer.alloc(mebibyte, 'x');
      const chunks = 512;
      const expected = createHash('sha256');
      const request = open('/passed/', 'PUT', chunks * chunk.length);
      const answered = answerTo(request);
      for (let sent = 0; sent < chunks; sent++) {
        expected.update(chunk);
        if (!request.write(chunk)) await new Promise((resolve) => request.once('drain', resolve));
      }
      request.end();
      assert.deepEqual(JSON.parse(await textOf(await answered)), {
        bytes: chunks * chunk.length,
        digest: expected.digest('hex'),
      });
      assert.ok((await peakMemory()) < 64 * mebibyte, `${await peakMemory()}`);
      assert.ok((await memoryFiles()) < mebibyte);
      assert.equal(await heldBelow('/var/tmp'), 0);
    });

    it('refuses one above the limit before it has come', async () => {
      const request = open('/kept/', 'POST', 33 * mebibyte);
      request.flushHeaders();
      const answer = await answerTo(request);
      assert.equal(answer.statusCode, 413);
      request.destroy();
    });

    it('streams events where the route or the app says so', async () => {
      for (const path of ['/live/events', '/kept/events-now']) {
        const request = open(path, 'GET').end();
        const answer = await answerTo(request);
        // The app does not go on before somebody leaves.
        const first = await new Promise<string>((resolve) =>
          answer.once('data', (piece) => resolve(String(piece))),
        );
        assert.equal(first, 'data: one\n\n', path);
        request.destroy();
      }
    });
  });

  describe('written in R', () => {
    let deployment: LifecycleDeployment;

    before(async () => {
      await writeFile(
        join(folder, 'plumber.R'),
        `
#* @get /
#* @serializer text
function() "home"
#* @get /here
#* @serializer text
function(req) paste(req$HTTP_X_FORWARDED_PREFIX, req$QUERY_STRING)
#* @get /redirect
function(res, to) { res$status <- 302; res$setHeader("Location", to); "" }
#* @get /absolute
function(req, res, to) { res$status <- 303; res$setHeader("Location", paste0("http://", req$HTTP_HOST, to)); "" }
#* @get /cookie
function(res, path) { res$setCookie("seen", "1", path = path); "" }
#* @post /form
#* @serializer text
function(req) req$postBody
`,
      );
      await writeFile(
        join(folder, 'echo.R'),
        `
httpuv::runServer("0.0.0.0", 8000, list(
  call = function(req) list(status = 200L, headers = list("Content-Type" = "text/plain"), body = "no socket"),
  onWSOpen = function(ws) ws$onMessage(function(binary, message) ws$send(message))
))
`,
      );
      const stack = lab.stack({ baseDir: folder });
      const sockets = stack.app('sockets', {
        image: 'rstudio/plumber:latest',
        entrypoint: ['Rscript', '/srv/echo.R'],
        files: [{ target: '/srv/echo.R', source: './echo.R' }],
        user: 'nobody',
      });
      const pooled = stack.app('pooled', lightApp());
      stack
        .router('web', { publish: loopback })
        .route('/r/', stack.app('api', plumber('./plumber.R')))
        .route('/sockets/', sockets)
        .route('/pool/', stack.pool('pool', { app: pooled, replicas: 1 }));
      deployment = await lab.runtime.up(stack);
    });
    after(() => lab.clear());

    const get = (path: string, init: RequestInit = {}): Promise<Response> =>
      fetch(new URL(path, deployment.endpoint('web')), { redirect: 'manual', ...init });

    it('is found with and without the slash at the end, with its query and its body', async () => {
      assert.equal(await (await get('/r/')).text(), 'home');
      const bare = await get('/r?a=1', { method: 'POST', body: 'x' });
      assert.deepEqual([bare.status, bare.headers.get('location')], [308, '/r/?a=1']);
      assert.equal(await (await get('/r', { redirect: 'follow' })).text(), 'home');
      assert.equal(await (await get('/r/here?a=%20b')).text(), '/r ?a=%20b');
      assert.equal(await (await get('/r/form', { method: 'POST', body: 'a=1&b' })).text(), 'a=1&b');
    });

    it('leads visitors to where they find it, below its prefix', async () => {
      for (const [path, location] of [
        ['/r/redirect?to=/here', '/r/here'],
        ['/r/redirect?to=/', '/r/'],
        ['/r/redirect?to=/r/here', '/r/here'],
        ['/r/redirect?to=here', 'here'],
        ['/r/redirect?to=https://elsewhere.org/here', 'https://elsewhere.org/here'],
        ['/r/absolute?to=/here', '/r/here'],
        ['/r/absolute?to=/', '/r/'],
      ] as const) {
        assert.equal((await get(path)).headers.get('location'), location, path);
      }
      const followed = await get('/r/redirect?to=/here', { redirect: 'follow' });
      assert.match(await followed.text(), /^\/r/);
    });

    it('has its cookies below its prefix', async () => {
      for (const [path, expected] of [
        ['/', '/r/'],
        ['/here', '/r/here'],
        ['/r/', '/r/'],
      ] as const) {
        const [cookie = ''] = (await get(`/r/cookie?path=${path}`)).headers.getSetCookie();
        assert.equal(/path=([^;]*)/i.exec(cookie)?.[1], expected);
      }
    });

    it('talks over a WebSocket, in both directions and for longer than one message', async () => {
      const url = new URL('/sockets/chat', deployment.endpoint('web'));
      url.protocol = 'ws:';
      const socket = new WebSocket(url);
      const messages: string[] = [];
      const complete = new Promise<void>((resolve, reject) => {
        socket.on('error', reject).on('message', (data) => {
          messages.push((data as Buffer).toString());
          if (messages.length === 2) resolve();
          else socket.send('x'.repeat(200_000));
        });
      });
      socket.on('open', () => socket.send('hello'));
      await complete;
      assert.deepEqual(messages, ['hello', 'x'.repeat(200_000)]);
      await new Promise((resolve) => socket.once('close', resolve).close());
      assert.equal(await (await get('/sockets/')).text(), 'no socket');
    });
  });

  describe('and a password', () => {
    afterEach(() => lab.clear());

    it('asks for it, whether it is in a secret or given as a hash, and forgets an old one with a reload', async () => {
      const describe = (password: string): ReturnType<Lab['stack']> => {
        const next = lab.again(stack);
        const app = next.app('app', lightApp());
        const users = { ann: next.secret('ann', { value: password }), bob: hash };
        next.router('web', { publish: loopback }).route('/', app, { auth: { users } });
        return next;
      };
      const stack = lab.stack();
      const hash = hashPassword("bob's own");
      const deployment = await lab.runtime.up(describe('first secret\n'));
      const web = deployment.endpoint('web');
      const status = async (user: string, password: string): Promise<number> => {
        const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
        return (await ask({ port: Number(web.port), headers: { authorization } })).status;
      };
      const container = await docker('inspect', '--format', '{{.Id}}', `${stack.name}-web`);
      assert.deepEqual(
        await Promise.all([
          status('ann', 'first secret'),
          status('bob', "bob's own"),
          status('ann', 'second secret'),
          status('bob', ''),
          status('eve', 'first secret'),
        ]),
        [200, 200, 401, 401, 401],
      );
      assert.ok((await lab.runtime.plan(describe('first secret\n'))).isEmpty);
      await lab.runtime.up(describe('second secret'));
      assert.equal(await status('ann', 'second secret'), 200);
      assert.equal(await status('ann', 'first secret'), 401);
      assert.equal(await docker('inspect', '--format', '{{.Id}}', `${stack.name}-web`), container);
      const inspected = await docker('inspect', container);
      assert.doesNotMatch(inspected, /first secret|second secret|\$6\$/);
    });

    it('asks for one that was generated', async () => {
      const stack = lab.stack();
      const app = stack.app('app', lightApp());
      const password = stack.secret('password', { generateBytes: 16 });
      stack
        .router('web', { publish: loopback })
        .route('/open/', stack.app('reader', lightApp({ secrets: [password] })))
        .route('/', app, { auth: { users: { ann: password } } });
      const deployment = await lab.runtime.up(stack);
      const { stdout } = await deployment.exec('reader', ['cat', '/run/secrets/password']);
      const authorization = `Basic ${Buffer.from(`ann:${stdout.trim()}`).toString('base64')}`;
      const web = deployment.endpoint('web');
      assert.equal((await fetch(web, { headers: { authorization } })).status, 200);
      assert.equal((await fetch(web)).status, 401);
    });
  });

  describe('and changes', () => {
    afterEach(() => lab.clear());

    it('shows a maintenance page, and takes it away, with a reload each', async () => {
      await writeFile(join(folder, 'later.html'), '<p>back soon</p>');
      await writeFile(join(folder, '404.json'), '{"error":"nothing here"}');
      const stack = lab.stack({ baseDir: folder });
      const describe = (maintained: boolean): ReturnType<Lab['stack']> => {
        const next = lab.again(stack, { baseDir: folder });
        next
          .router('web', {
            publish: loopback,
            errorPages: { 404: './404.json' },
            maintenance: maintained && { page: './later.html', retryAfterSeconds: 30 },
          })
          .route('/app/', next.app('app', lightApp()));
        return next;
      };
      const web = (await lab.runtime.up(describe(false))).endpoint('web');
      const container = await docker('inspect', '--format', '{{.Id}}', `${stack.name}-web`);
      // Each on a connection of its own: one that is kept open may be used once more after a reload.
      const get = (path: string): Promise<Answer> => ask({ port: Number(web.port), path });
      const missing = await get('/missing');
      assert.deepEqual([missing.status, missing.body], [404, '{"error":"nothing here"}']);

      await lab.runtime.up(describe(true));
      const later = await get('/app/');
      assert.deepEqual([later.status, later.body], [503, '<p>back soon</p>']);
      assert.equal(later.headers['retry-after'], '30');

      await writeFile(join(folder, 'later.html'), '<p>tomorrow</p>');
      await lab.runtime.up(describe(true));
      assert.equal((await get('/app/')).body, '<p>tomorrow</p>');

      await lab.runtime.up(describe(false));
      assert.equal((await get('/app/')).status, 200);
      assert.equal(await docker('inspect', '--format', '{{.Id}}', `${stack.name}-web`), container);
    });
  });

  describe('and the machine', () => {
    after(() => lab.clear());

    it('runs without privileges, as its pools do, and is the only one that strangers reach', async () => {
      const stack = lab.stack();
      const pool = stack.pool('pool', {
        app: stack.app('worker', lightApp()),
        replicas: 1,
        publish: 0,
        stats: 0,
      });
      const app = stack.app('app', lightApp({ publish: 0 }));
      stack.router('web', { publish: 0 }).route('/app/', app).route('/pool/', pool);
      await lab.runtime.up(stack);
      const names = ['web', 'pool', 'pool.front', 'pool-1', 'app'].map((name) => `${stack.name}-${name}`);
      const containers = JSON.parse(await docker('inspect', ...names)) as readonly Inspected[];
      for (const { Name, Config, HostConfig } of containers.slice(0, 3)) {
        assert.equal(Config.User, '65532:65532', Name);
        assert.equal(HostConfig.ReadonlyRootfs, true, Name);
        assert.equal(HostConfig.Privileged, false, Name);
        assert.deepEqual(HostConfig.CapDrop, ['ALL'], Name);
        assert.ok(!HostConfig.CapAdd?.length, Name);
        assert.deepEqual(HostConfig.SecurityOpt, ['no-new-privileges'], Name);
        assert.ok((HostConfig.PidsLimit ?? 0) > 0, Name);
        assert.ok(HostConfig.CpuShares > 1024, `${Name} has a processor before the apps`);
      }
      // What the kernel says of every process, whatever was asked for.
      for (const name of names.slice(0, 3)) {
        const status = await docker('exec', name, 'sh', '-c', 'cat /proc/[0-9]*/status');
        for (const [field, expected] of [
          ['Uid', '65532'],
          ['CapEff', '0000000000000000'],
          ['CapBnd', '0000000000000000'],
          ['NoNewPrivs', '1'],
        ] as const) {
          const seen = [...status.matchAll(new RegExp(`^${field}:\\s+(\\S+)`, 'gm'))].map(
            ([, value]) => value,
          );
          assert.ok(seen.length > 0);
          assert.deepEqual([...new Set(seen)], [expected], `${name} ${field}`);
        }
      }
      const hosts = containers.map(({ NetworkSettings: { Ports } }) =>
        Object.values(Ports).flatMap((each) => each?.map(({ HostIp }) => HostIp) ?? []),
      );
      assert.deepEqual(hosts, [['0.0.0.0'], ['127.0.0.1'], ['127.0.0.1'], [], ['127.0.0.1']]);
    });
  });
});

interface Inspected {
  readonly Name: string;
  readonly Config: { readonly User: string };
  readonly HostConfig: {
    readonly ReadonlyRootfs: boolean;
    readonly Privileged: boolean;
    readonly CapDrop: readonly string[];
    readonly CapAdd: readonly string[] | null;
    readonly SecurityOpt: readonly string[];
    readonly PidsLimit: number | null;
    readonly CpuShares: number;
  };
  readonly NetworkSettings: {
    readonly Ports: Readonly<Record<string, readonly { readonly HostIp: string }[] | null>>;
  };
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

async function textOf(answer: IncomingMessage): Promise<string> {
  assert.equal(answer.statusCode, 200);
  const pieces: Buffer[] = [];
  for await (const piece of answer) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 30_000;
  while (!(await condition())) {
    assert.ok(Date.now() < end, `not within 30 s: ${String(condition)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

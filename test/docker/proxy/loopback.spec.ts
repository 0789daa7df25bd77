import assert from 'node:assert/strict';
import {
  adminCommand,
  answersCommand,
  drainCommands,
  httpGetCommand,
  parseInfo,
  setServer,
  showInfo,
  waitUntilAnswersCommand,
  type Readiness,
} from '@plumbstack/docker/proxy';
import { isPlumbstackError } from '@plumbstack/core';
import { docker, Sandbox, tryDocker, type DockerResult } from '../../support/docker-cli';
import { anySubnet, hostOf } from '../../support/free-subnet';
import { startApp, startHaproxy, startNginx } from './proxy-lab';
import { sampleHaproxy, sampleNginx, sampleSlots } from './sample-models';

const subnet = anySubnet();
const host = (number: number): string => hostOf(subnet, number);

const tcp: Readiness = { type: 'tcp', intervalMs: 1000, timeoutMs: 1000, retries: 3 };
const http = (path: string, more: object = {}): Readiness => ({
  ...tcp,
  type: 'http',
  path,
  minStatus: 200,
  maxStatus: 399,
  ...more,
});

describe('what is run inside the containers of the proxies', function () {
  this.timeout(120_000);
  let sandbox: Sandbox;
  const proxies: Record<string, string> = {};

  before(async () => {
    sandbox = await Sandbox.create('px-inside', subnet);
    const [, nginx, haproxy] = await Promise.all([
      startApp(sandbox, 'app', host(11)),
      startNginx(sandbox, sampleNginx({ revision: 'abc1' })),
      startHaproxy(
        sandbox,
        sampleHaproxy({ revision: 'abc2', slots: sampleSlots(subnet.replace('.0/24', ''), 11, 2) }),
      ),
    ]);
    proxies['nginx'] = nginx.container;
    proxies['haproxy'] = haproxy.container;
  });
  after(() => sandbox?.[Symbol.asyncDispose]());

  const run = (proxy: string, command: readonly string[]): Promise<DockerResult> =>
    tryDocker('exec', proxies[proxy] ?? '', ...command);

  for (const proxy of ['nginx', 'haproxy']) {
    it(`${proxy}: an app that listens is told from an address without one`, async () => {
      assert.equal((await run(proxy, answersCommand(`${host(11)}:8000`, tcp))).code, 0);
      for (const address of [`${host(11)}:8001`, `${host(99)}:8000`]) {
        const { code, stderr } = await run(proxy, answersCommand(address, tcp));
        assert.equal(code, 1, address);
        assert.notEqual(stderr.trim(), '');
      }
    });

    it(`${proxy}: an answer counts by its status`, async () => {
      const status = (code: number): Readiness => http(`/status?code=${code}`);
      assert.equal((await run(proxy, answersCommand(`${host(11)}:8000`, status(204)))).code, 0);
      const failed = await run(proxy, answersCommand(`${host(11)}:8000`, status(503)));
      assert.deepEqual([failed.code, failed.stderr.trim()], [1, 'status 503']);
      const allowed = http('/status?code=503', { maxStatus: 503 });
      assert.equal((await run(proxy, answersCommand(`${host(11)}:8000`, allowed))).code, 0);
    });

    it(`${proxy}: an answer that takes too long does not count`, async () => {
      const slow = http('/slow?ms=3000', { timeoutMs: 300 });
      const { code, stderr } = await run(proxy, answersCommand(`${host(11)}:8000`, slow));
      assert.deepEqual([code, stderr.trim()], [1, 'no answer within 0.300 s']);
    });

    it(`${proxy}: waiting ends when the app answers`, async () => {
      await docker('stop', sandbox.nameOf('app'));
      const waiting = run(proxy, waitUntilAnswersCommand(`${host(11)}:8000`, http('/'), 30));
      await docker('start', sandbox.nameOf('app'));
      assert.equal((await waiting).code, 0);
    });

    it(`${proxy}: waiting ends at its deadline, with the reason`, async () => {
      const { code, stderr } = await run(proxy, waitUntilAnswersCommand(`${host(11)}:8001`, tcp, 1));
      assert.equal(code, 1);
      assert.match(stderr, /refused/i);
    });

    it(`${proxy}: what is asked for is never run`, async () => {
      const path = '/$(touch${IFS}/tmp/owned)`touch${IFS}/tmp/owned`;touch${IFS}/tmp/owned';
      await run(proxy, answersCommand(`${host(11)}:8000`, http(path)));
      await run(proxy, httpGetCommand(9998, path));
      await run(proxy, adminCommand(9999, ['show $(touch${IFS}/tmp/owned)']));
      assert.notEqual((await run(proxy, ['ls', '/tmp/owned'])).code, 0);
    });
  }

  it('nginx tells the revision in force', async () => {
    assert.equal((await run('nginx', httpGetCommand(9998, '/'))).stdout.trim(), 'abc1');
  });

  it('HAProxy tells the revision in force', async () => {
    assert.equal(
      parseInfo((await run('haproxy', adminCommand(9999, [showInfo]))).stdout).get('description'),
      'abc2',
    );
    assert.match(
      (await run('haproxy', adminCommand(9999, ['show info desc']))).stdout,
      /^description: abc2\b/im,
    );
  });

  it('HAProxy says what it does not know, and is silent about what it did', async () => {
    assert.equal((await run('haproxy', adminCommand(9999, [setServer(1, 'state ready')]))).stdout.trim(), '');
    assert.match(
      (await run('haproxy', adminCommand(9999, [setServer(77, 'state ready')]))).stdout,
      /No such server/,
    );
    assert.equal((await run('haproxy', adminCommand(9999, drainCommands(2)))).stdout.trim(), '');
  });

  it('a command that would be several is refused', () => {
    for (const command of ['show info;shutdown sessions server pool/w1', 'show info\nquit', 'a\\', '']) {
      assert.throws(
        () => adminCommand(9999, [command]),
        (error) => isPlumbstackError(error, 'INVALID_OPTION'),
      );
    }
  });
});

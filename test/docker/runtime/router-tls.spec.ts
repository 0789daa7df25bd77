import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { connect as connectHttp2 } from 'node:http2';
import { Agent, request } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { RouterOptions, Stack, Tls } from '@plumbstack/core';
import { docker, tryDocker } from '../../support/docker-cli';
import { Lab } from '../../support/lab';
import { lightApp } from '../../support/light-app';
import { certificateAt, statusOf } from '../../support/tls-client';
import { certificate } from '../proxy/check-configs';
import { ask, ConstantLoad } from '../proxy/proxy-lab';

const https = { port: 0, host: '127.0.0.1' } as const;
const publish = [https, https] as const;

describe('a router with TLS', function () {
  this.timeout(180_000);
  const lab = new Lab();
  afterEach(() => lab.clear());

  /** The same stack with other options. */
  function webOf(stack: Stack, options: RouterOptions): Stack {
    const next = lab.again(stack);
    next.router('web', { publish, ...options }).route('/app/', next.app('app', lightApp()));
    return next;
  }

  /** The same stack with a certificate of its own. */
  function webWith(stack: Stack, [pem, key]: Awaited<ReturnType<typeof certificate>>): Stack {
    const next = lab.again(stack);
    const tls = {
      certificate: next.secret('certificate', { value: pem.content }),
      key: next.secret('key', { value: key.content }),
    };
    next.router('web', { publish, tls }).route('/app/', next.app('app', lightApp()));
    return next;
  }

  const idOf = (stack: Stack): Promise<string> =>
    docker('inspect', '--format', '{{.Id}}', `${stack.name}-web`);

  describe('of a certificate for development', () => {
    it('makes it once, for its hosts and this machine, and keeps it', async () => {
      const stack = lab.stack();
      const described = webOf(stack, {
        serverName: ['dev.example.org', '*.dev.example.org'],
        tls: { selfSigned: true },
      });
      let deployment = await lab.runtime.up(described);
      const first = await certificateAt(deployment.endpoint('web', 8443));
      assert.equal(
        first.subjectAltName,
        [
          'DNS:dev.example.org, DNS:*.dev.example.org, DNS:localhost',
          'IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
        ].join(', '),
      );
      assert.equal(first.ca, false);
      const days = (new Date(first.validTo).getTime() - Date.now()) / 86_400_000;
      assert.ok(days > 390 && days < 397, `${days} days`);
      assert.ok((await lab.runtime.plan(described)).isEmpty);

      await deployment.down();
      deployment = await lab.runtime.up(described);
      assert.equal(
        (await certificateAt(deployment.endpoint('web', 8443))).fingerprint256,
        first.fingerprint256,
      );

      // Trusted, it is taken by every client for each of its names, and for no other.
      const trust = (servername: string): Promise<number> =>
        statusOf(deployment.endpoint('web', 8443), { ca: first.toString(), servername, host: servername });
      assert.equal(await trust('dev.example.org'), 200);
      assert.equal(await trust('a.dev.example.org'), 200);
      await assert.rejects(trust('evil.org'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });

      await deployment.down({ volumes: true });
      deployment = await lab.runtime.up(described);
      assert.notEqual(
        (await certificateAt(deployment.endpoint('web', 8443))).fingerprint256,
        first.fingerprint256,
      );
    });

    it('makes another for another host, with a reload', async () => {
      const stack = lab.stack();
      const deployment = await lab.runtime.up(
        webOf(stack, { serverName: 'a.org', tls: { selfSigned: true } }),
      );
      const web = deployment.endpoint('web', 8443);
      const container = await idOf(stack);
      const next = webOf(stack, { serverName: ['a.org', 'b.org'], tls: { selfSigned: true } });
      const plan = await lab.runtime.plan(next);
      assert.match(plan.toString(), /web\.tls.*\n?.*not for b\.org/);
      await lab.runtime.up(next);
      assert.match((await certificateAt(web)).subjectAltName ?? '', /DNS:b\.org/);
      assert.equal(await idOf(stack), container);
      assert.ok((await lab.runtime.plan(next)).isEmpty);
    });

    it('shows its key to nobody', async () => {
      const stack = lab.stack();
      const described = webOf(stack, { tls: { selfSigned: true } });
      const plan = await lab.runtime.plan(described);
      await lab.runtime.up(described);
      const key = await docker(
        'exec',
        '--user',
        '65532',
        `${stack.name}-web`,
        'cat',
        '/etc/plumbstack/tls/key.pem',
      );
      const secret = /PRIVATE KEY-----\s+(\S+)/.exec(key)?.[1] ?? '';
      assert.ok(secret.length > 40);
      const volumes = await docker(
        'volume',
        'ls',
        '--quiet',
        '--filter',
        `label=io.plumbstack.stack=${stack.name}`,
      );
      const told = [
        await docker('inspect', `${stack.name}-web`, ...volumes.split('\n')),
        await docker('exec', '--user', '0', `${stack.name}-web`, 'cat', '/etc/plumbstack/record.json'),
        JSON.stringify(plan),
      ].join('\n');
      assert.ok(!told.includes(secret));
      const mode = await docker(
        'exec',
        `${stack.name}-web`,
        'stat',
        '-c',
        '%a %u',
        '/etc/plumbstack/tls/key.pem',
      );
      assert.equal(mode, '400 65532');
    });
  });

  it('speaks TLS 1.2, 1.3 and HTTP/2, and nothing older', async () => {
    const stack = lab.stack();
    const deployment = await lab.runtime.up(webOf(stack, { tls: { selfSigned: true } }));
    const container = `${stack.name}-web`;
    const pem = (await certificateAt(deployment.endpoint('web', 8443))).toString();
    const openssl = async (...options: readonly string[]): Promise<string> => {
      // Asks at the router itself, with what OpenSSL would refuse by itself allowed.
      const script = `printf '%s' "$1" > /tmp/ca.pem; shift; openssl s_client -connect localhost:8443 -servername localhost -cipher DEFAULT:@SECLEVEL=0 "$@" < /dev/null 2>&1`;
      return (await tryDocker('exec', container, 'sh', '-c', script, 'sh', pem, ...options)).stdout;
    };
    assert.match(await openssl('-tls1_3'), /New, TLSv1\.3, Cipher is TLS_/);
    const older = await openssl('-tls1_2');
    assert.match(older, /New, TLSv1\.2, Cipher is ECDHE-ECDSA-(?:AES\d+-GCM|CHACHA20)/);
    for (const version of ['-tls1_1', '-tls1']) assert.match(await openssl(version), /Cipher is \(NONE\)/);
    assert.match(await openssl('-tls1_2', '-cipher', 'AES128-SHA:@SECLEVEL=0'), /Cipher is \(NONE\)/);
    assert.match(await openssl('-alpn', 'h2,http/1.1'), /ALPN protocol: h2/);
    const verified = await openssl(
      '-CAfile',
      '/tmp/ca.pem',
      '-verify_return_error',
      '-verify_hostname',
      'localhost',
    );
    assert.match(verified, /Verify return code: 0 \(ok\)/);
    assert.match(await openssl('-verify_return_error'), /self-signed certificate/);

    await lab.runtime.up(webOf(stack, { tls: { selfSigned: true, minVersion: '1.3' } }));
    assert.match(await openssl('-tls1_3'), /New, TLSv1\.3, Cipher is TLS_/);
    assert.match(await openssl('-tls1_2'), /Cipher is \(NONE\)/);

    const session = connectHttp2(deployment.endpoint('web', 8443), { ca: pem, servername: 'localhost' });
    const stream = session.request({ ':path': '/app/over-h2' });
    let body = '';
    for await (const piece of stream.setEncoding('utf8')) body += piece as string;
    session.close();
    const { path, headers } = JSON.parse(body) as { path: string; headers: Record<string, string> };
    assert.deepEqual([path, headers['x-forwarded-proto']], ['/over-h2', 'https']);
  });

  it('has a certificate for each host, the exact one first, and one for all others', async () => {
    const [one, all, other] = await Promise.all([
      certificate('one.example.org'),
      certificate('*.example.org'),
      certificate('fallback.org'),
    ]);
    const stack = lab.stack();
    const pair = (
      name: string,
      [pem, key]: typeof one,
    ): { certificate: ReturnType<Stack['secret']>; key: ReturnType<Stack['secret']> } => ({
      certificate: stack.secret(name, { value: pem.content }),
      key: stack.secret(`${name}-key`, { value: key.content }),
    });
    stack
      .router('web', {
        publish,
        tls: {
          ...pair('other', other),
          hosts: {
            'one.example.org': pair('one', one),
            '*.example.org': pair('all', all),
            'own.org': { selfSigned: true },
          },
        },
      })
      .route('/app/', stack.app('app', lightApp()));
    const web = (await lab.runtime.up(stack)).endpoint('web', 8443);
    for (const [host, name] of [
      ['one.example.org', 'DNS:one.example.org'],
      ['two.example.org', 'DNS:*.example.org'],
      ['own.org', 'DNS:own.org'],
      ['a.two.example.org', 'DNS:fallback.org'],
      ['example.org', 'DNS:fallback.org'],
      ['', 'DNS:fallback.org'],
    ] as const) {
      assert.equal((await certificateAt(web, host)).subjectAltName, name, host);
      const answer = await ask({
        port: Number(web.port),
        path: '/app/',
        tls: true,
        headers: { host: host || 'x' },
      });
      assert.equal(answer.status, 200);
    }
  });

  it('sends plain HTTP on, or serves it where it should, and asks for HTTPS only over HTTPS', async () => {
    const stack = lab.stack();
    const hsts = { maxAgeSeconds: 86_400, includeSubDomains: true };
    const both = async (
      tls: Tls,
    ): Promise<
      readonly [plain: Awaited<ReturnType<typeof ask>>, secure: Awaited<ReturnType<typeof ask>>, port: string]
    > => {
      const deployment = await lab.runtime.up(webOf(stack, { tls }));
      const at = (inside: number): URL => deployment.endpoint('web', inside);
      return [
        await ask({ port: Number(at(8080).port), path: '/app/a?b', headers: { host: 'localhost' } }),
        await ask({
          port: Number(at(8443).port),
          path: '/app/a?b',
          headers: { host: 'localhost' },
          tls: true,
        }),
        at(8443).port,
      ];
    };
    const [plain, secure, port] = await both({ selfSigned: true, hsts });
    assert.deepEqual([plain.status, plain.headers.location], [308, `https://localhost:${port}/app/a?b`]);
    assert.equal(plain.headers['strict-transport-security'], undefined);
    assert.equal(secure.status, 200);
    assert.equal(secure.headers['strict-transport-security'], 'max-age=86400; includeSubDomains');

    const [served, again] = await both({ selfSigned: true, hsts, redirect: false });
    assert.equal(served.status, 200);
    assert.equal(served.headers['strict-transport-security'], undefined);
    assert.equal(again.headers['strict-transport-security'], 'max-age=86400; includeSubDomains');

    const [, silent] = await both({ selfSigned: true });
    assert.equal(silent.headers['strict-transport-security'], undefined);
  });

  it('takes a renewed certificate with a reload, and drops nothing meanwhile', async () => {
    const [before, after] = await Promise.all([certificate('localhost'), certificate('localhost')]);
    const stack = lab.stack();
    const web = (await lab.runtime.up(webWith(stack, before))).endpoint('web', 8443);
    const container = await idOf(stack);
    assert.equal((await certificateAt(web)).toString(), new X509Certificate(before[0].content).toString());
    // One request that is being answered, and others that come all the time.
    const slow = statusOf(web, { rejectUnauthorized: false, path: '/app/slow?ms=6000' });
    await using load = new ConstantLoad({ port: Number(web.port), path: '/app/', tls: true }, 2);
    await lab.runtime.up(webWith(stack, after));
    assert.equal((await certificateAt(web)).toString(), new X509Certificate(after[0].content).toString());
    const { sent, failed } = await load.stop();
    assert.ok(sent > 10, `only ${sent} requests`);
    assert.deepEqual(failed, []);
    assert.equal(await slow, 200);
    assert.equal(await idOf(stack), container);
  });

  it('lets a connection that is kept open go on while the certificate changes', async () => {
    const [before, after] = await Promise.all([certificate('localhost'), certificate('localhost')]);
    const stack = lab.stack();
    const web = (await lab.runtime.up(webWith(stack, before))).endpoint('web');
    using busy = new KeptConnection(web);
    using idle = new KeptConnection(web);
    const shown = await busy.ask().then(() => busy.certificate());
    assert.equal(shown, new X509Certificate(before[0].content).fingerprint256);

    // What is idle while the reload comes is used once more as soon as that is in force. nginx keeps it for 5 s after a request:
    // it is asked when the reload is near.
    let firstAnswer: Promise<number> | undefined;
    lab.runtime.events.once('step:started', () => (firstAnswer = idle.ask()));
    const afterwards = new Promise<readonly number[]>((resolve, reject) => {
      const both = async (): Promise<readonly number[]> => [(await firstAnswer) ?? 0, await idle.ask()];
      lab.runtime.events.once('router:reloaded', () => void both().then(resolve, reject));
    });
    let isUp = false;
    const changed = lab.runtime.up(webWith(stack, after)).finally(() => (isUp = true));
    const statuses: number[] = [];
    while (!isUp) statuses.push(await busy.ask());
    await changed;
    assert.deepEqual(await afterwards, [200, 200]);
    assert.equal(idle.connections, 1);
    assert.ok(statuses.length > 10, `only ${statuses.length} requests`);
    assert.deepEqual(new Set(statuses), new Set([200]));
    // nginx ends it with an answer, and the next request makes a new one, which is shown the new certificate.
    for (let asked = 0; asked < 2; asked++) assert.equal(await busy.ask(), 200);
    assert.equal(busy.connections, 2);
    assert.equal(busy.certificate(), new X509Certificate(after[0].content).fingerprint256);
  });

  it('keeps the old certificate where the new one and its key do not belong together', async () => {
    const [one, two] = await Promise.all([certificate('localhost'), certificate('localhost')]);
    const stack = lab.stack();
    const web = (await lab.runtime.up(webWith(stack, one))).endpoint('web', 8443);
    await assert.rejects(lab.runtime.up(webWith(stack, [two[0], one[1]])), (error: unknown) => {
      assert.match(String(error), /CONFIG_REJECTED/);
      assert.doesNotMatch(String(error), /PRIVATE KEY/);
      return true;
    });
    assert.equal((await certificateAt(web)).toString(), new X509Certificate(one[0].content).toString());
  });
});

/** A client that keeps its one connection open as long as the router does. */
class KeptConnection implements Disposable {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
  #last: TLSSocket | undefined;
  /** How many it has made so far. */
  connections = 0;

  constructor(private readonly url: URL) {}

  /** Rejects where the connection breaks instead of answering: nothing is sent twice. */
  ask(): Promise<number> {
    return new Promise((resolve, reject) => {
      const asking = request(
        new URL('/app/', this.url),
        { agent: this.#agent, method: 'POST' },
        (response) => {
          response.resume().on('end', () => resolve(response.statusCode ?? 0));
        },
      );
      asking.on('socket', (socket) => {
        if (socket !== this.#last) this.connections++;
        this.#last = socket as TLSSocket;
      });
      asking.on('error', reject).end('x');
    });
  }

  /** Fingerprint of what it was shown when its connection was made. */
  certificate(): string | undefined {
    return this.#last?.getPeerX509Certificate()?.fingerprint256;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  isPlumbstackError,
  type Acme,
  type PlumbstackError,
  type RouterOptions,
  type Stack,
} from '@plumbstack/core';
import { selfSigned } from '@plumbstack/docker/internal';
import { CertificateAuthority, hasCertificateAuthority } from '../../support/certificate-authority';
import { docker, putFiles } from '../../support/docker-cli';
import { freePort } from '../../support/free-port';
import { Lab, leftovers } from '../../support/lab';
import { lightApp } from '../../support/light-app';
import { certificateAt, statusOf } from '../../support/tls-client';
import { ask, ConstantLoad } from '../proxy/proxy-lab';

const day = 86_400_000;

describe('a router whose certificate an authority issues', function () {
  this.timeout(180_000);
  const lab = new Lab();
  let authority: CertificateAuthority;
  let plainPort: number;

  before(async function () {
    if (!hasCertificateAuthority()) {
      console.log('    left out: this machine has no Pebble, and set-up could not install it');
      this.skip();
    }
    plainPort = await freePort();
    authority = await CertificateAuthority.start(plainPort);
  });
  afterEach(() => lab.clear());
  after(() => authority?.[Symbol.asyncDispose]());

  /** The same stack with other options. */
  function webOf(stack: Stack, options: RouterOptions = {}, acme: Partial<Acme> = {}): Stack {
    const next = lab.again(stack);
    const publish = [
      { port: 0, host: '127.0.0.1' },
      { port: plainPort, host: '127.0.0.1' },
    ];
    const { directory, caFile: ca } = authority;
    const tls = { acme: { termsAgreed: true, email: 'ops@example.org', directory, ca, ...acme } } as const;
    next
      .router('web', { publish, serverName: 'a.example.org', tls, ...options })
      .route('/app/', next.app('app', lightApp()));
    return next;
  }

  async function refusal(work: Promise<unknown>): Promise<PlumbstackError> {
    const error = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.ok(isPlumbstackError(error, 'CERTIFICATE_NOT_ISSUED'), String(error));
    return error;
  }

  it('gets it with the first up, for its hosts, with the whole chain, and keeps it', async () => {
    const stack = lab.stack();
    const described = webOf(stack, { serverName: ['a.example.org', 'b.example.org'] });
    const told: string[] = [];
    using _ = lab.runtime.events.on('*', (event) => void told.push(JSON.stringify(event)));
    let deployment = await lab.runtime.up(described);
    const web = deployment.endpoint('web', 8443);
    const first = await certificateAt(web, 'a.example.org');
    assert.equal(first.subjectAltName, 'DNS:a.example.org, DNS:b.example.org');
    assert.match(first.issuer, /Pebble/);
    const ca = await authority.root();
    for (const host of ['a.example.org', 'b.example.org'])
      assert.equal(await statusOf(web, { ca, servername: host, host, path: '/app/' }), 200);
    assert.ok(told.some((each) => each.includes('step:finished') && each.includes('/web.tls"')));

    assert.ok((await lab.runtime.plan(described)).isEmpty);
    await deployment.down();
    deployment = await lab.runtime.up(described);
    const again = await certificateAt(deployment.endpoint('web', 8443), 'a.example.org');
    assert.equal(again.fingerprint256, first.fingerprint256);

    const keys = await Promise.all(
      ['web.tls', 'acme.account'].map((name) =>
        docker('cp', `${stack.name}-${name}.secret:/secret/value`, '-').then(
          (tar) => /BEGIN PRIVATE KEY-----\s+(\S+)/.exec(tar)?.[1] ?? '',
        ),
      ),
    );
    const volumes = await docker(
      'volume',
      'ls',
      '--quiet',
      '--filter',
      `label=io.plumbstack.stack=${stack.name}`,
    );
    const containers = await docker('ps', '-aq', '--filter', `label=io.plumbstack.stack=${stack.name}`);
    const shown = [
      await docker('inspect', ...containers.split('\n'), ...volumes.split('\n')),
      await docker('exec', '--user', '0', `${stack.name}-web`, 'cat', '/etc/plumbstack/record.json'),
      await docker('exec', '--user', '0', `${stack.name}-web`, 'cat', '/etc/plumbstack/nginx.conf'),
      await docker('logs', `${stack.name}-web`),
      ...told,
    ].join('\n');
    for (const key of keys) {
      assert.ok(key.length > 40, 'a key was found');
      assert.ok(!shown.includes(key));
    }
  });

  it('answers the authority before redirects, passwords and maintenance, and nobody else', async () => {
    const stack = lab.stack();
    const described = webOf(stack, { maintenance: true });
    const deployment = await lab.runtime.up(described);
    const path = '/.well-known/acme-challenge/some_Token-1';
    const headers = { host: 'a.example.org' };
    const answer = await ask({ port: plainPort, path, headers });
    assert.equal(answer.status, 200);
    assert.match(answer.body, /^some_Token-1\.[A-Za-z0-9_-]{43}$/);
    assert.match(String(answer.headers['content-type']), /^text\/plain/);
    assert.equal((await ask({ port: plainPort, path: `${path}/more`, headers })).status, 308);
    assert.equal((await ask({ port: plainPort, path, headers: { host: 'evil.org' } })).status, 404);
    const https = Number(deployment.endpoint('web', 8443).port);
    assert.equal((await ask({ port: https, tls: true, path, headers })).status, 503);
  });

  it('has it renewed by an up that comes near its end, with a reload, and drops nothing', async () => {
    const stack = lab.stack();
    const described = webOf(stack);
    const deployment = await lab.runtime.up(described);
    const web = deployment.endpoint('web', 8443);
    const issued = await certificateAt(web, 'a.example.org');
    // One that ends soon, in the place of the authority's.
    const old = selfSigned(['a.example.org'], new Date(Date.now() - 380 * day));
    await putFiles(`${stack.name}-web.tls.secret`, '/secret', [{ path: 'value', content: old }]);
    const plan = await lab.runtime.plan(described);
    assert.match(plan.toString(), /web\.tls.*\n?.*valid to \d{4}-\d\d-\d\d.*from https:\/\/localhost/);

    const container = await docker('inspect', '--format', '{{.Id}}', `${stack.name}-web`);
    const slow = statusOf(web, {
      rejectUnauthorized: false,
      host: 'a.example.org',
      path: '/app/slow?ms=6000',
    });
    const headers = { host: 'a.example.org' };
    await using load = new ConstantLoad({ port: Number(web.port), path: '/app/', tls: true, headers }, 2);
    await lab.runtime.up(described);
    const renewed = await certificateAt(web, 'a.example.org');
    assert.match(renewed.issuer, /Pebble/);
    assert.notEqual(renewed.fingerprint256, issued.fingerprint256);
    const { sent, failed } = await load.stop();
    assert.ok(sent > 10, `only ${sent} requests`);
    assert.deepEqual(failed, []);
    assert.equal(await slow, 200);
    assert.equal(await docker('inspect', '--format', '{{.Id}}', `${stack.name}-web`), container);
    assert.ok((await lab.runtime.plan(described)).isEmpty);
  });

  it('asks for another where a host comes, or another authority, and not where a host has its own', async () => {
    const stack = lab.stack();
    const deployment = await lab.runtime.up(webOf(stack));
    const web = deployment.endpoint('web', 8443);
    const more = webOf(stack, {
      serverName: ['a.example.org', 'b.example.org', '*.own.org'],
      tls: {
        acme: { termsAgreed: true, directory: authority.directory, ca: authority.caFile },
        hosts: { '*.own.org': { selfSigned: true } },
      },
    });
    assert.match((await lab.runtime.plan(more)).toString(), /not for b\.example\.org/);
    await lab.runtime.up(more);
    const second = await certificateAt(web, 'b.example.org');
    assert.equal(second.subjectAltName, 'DNS:a.example.org, DNS:b.example.org');
    assert.equal((await certificateAt(web, 'x.own.org')).subjectAltName, 'DNS:*.own.org');

    // The same authority by another name is another one.
    const moved = webOf(stack, {}, { directory: authority.directory.replace('localhost', '127.0.0.1') });
    assert.match((await lab.runtime.plan(moved)).toString(), /from https:\/\/localhost:\d+\/dir/);
    await lab.runtime.up(moved);
    assert.equal((await certificateAt(web, 'a.example.org')).subjectAltName, 'DNS:a.example.org');
    const made = webOf(stack, { tls: { selfSigned: true } });
    await lab.runtime.up(made);
    assert.doesNotMatch((await certificateAt(web, 'a.example.org')).issuer, /Pebble/);
    assert.ok((await lab.runtime.plan(made)).isEmpty);
  });

  it('says which host was refused and why, serves meanwhile, and gets it when that is mended', async () => {
    const stack = lab.stack();
    const host = `${stack.name}.example.org`;
    await authority.lead(host, '127.0.0.9');
    const described = webOf(stack, { serverName: ['a.example.org', host] });
    const error = await refusal(lab.runtime.up(described));
    assert.equal(error.resource, `${stack.name}/web.tls`);
    assert.deepEqual(error.details['hosts'], [host]);
    assert.equal(error.details['kind'], 'connection');
    assert.match(
      error.message,
      /refuses a certificate for test-\w+\.example\.org \(connection\): .*127\.0\.0\.9/,
    );
    assert.match(error.hint ?? '', /port 80/);

    const deployment = await lab.runtime.attach(stack.name);
    const web = deployment.endpoint('web', 8443);
    const stand = await certificateAt(web, host);
    assert.equal(stand.subjectAltName, `DNS:a.example.org, DNS:${host}`);
    assert.equal(await statusOf(web, { ca: stand.toString(), servername: host, host, path: '/app/' }), 200);
    assert.match((await lab.runtime.plan(described)).toString(), /self-signed/);

    await authority.lead(host, '127.0.0.1');
    await lab.runtime.up(described);
    const issued = await certificateAt(web, host);
    assert.match(issued.issuer, /Pebble/);

    // The same when there is one already.
    const other = `more-${host}`;
    await authority.lead(other, '127.0.0.9');
    await refusal(lab.runtime.up(webOf(stack, { serverName: ['a.example.org', host, other] })));
    assert.equal((await certificateAt(web, host)).fingerprint256, issued.fingerprint256);
  });

  it('says so where nobody answers for the authority, or nobody believes it', async () => {
    const stack = lab.stack();
    const nobody = `https://127.0.0.1:${await freePort()}/dir`;
    const silent = await refusal(lab.runtime.up(webOf(stack, {}, { directory: nobody })));
    assert.match(silent.message, /cannot be asked for a certificate for a\.example\.org: .*ECONNREFUSED/);
    const strange = await refusal(
      lab.runtime.up(webOf(stack, { tls: { acme: { termsAgreed: true, directory: authority.directory } } })),
    );
    assert.match(strange.message, /self-signed certificate/i);
    assert.match(strange.hint ?? '', /name its certificates in ca/);
    const other = await refusal(
      lab.runtime.up(webOf(stack, {}, { directory: `${authority.management}/roots/0` })),
    );
    assert.match(other.message, /what is not understood: .*directory/i);
    const missing = webOf(stack, {}, { ca: './no-such.pem' });
    await assert.rejects(lab.runtime.up(missing), /NOT_FOUND.*no-such\.pem.*certificate authority/);
  });

  it('ends with the signal, and is finished by the next up', async () => {
    const stack = lab.stack();
    const described = webOf(stack);
    const controller = new AbortController();
    const up = lab.runtime.up(described, { signal: controller.signal });
    const asked = authority.asksForProof().then(() => controller.abort(new Error('enough')));
    await Promise.all([assert.rejects(up, { message: 'enough' }), asked]);
    const deployment = await lab.runtime.up(described);
    assert.match((await certificateAt(deployment.endpoint('web', 8443), 'a.example.org')).issuer, /Pebble/);
  });

  it('needs acme-client where something is due, before anything is changed, and does without it otherwise', async () => {
    const stack = lab.stack();
    const described = webOf(stack);
    const missing = upWithoutLibrary(described);
    assert.match(missing, /^NOT_FOUND: .*acme-client.*\n {2}npm install acme-client/);
    assert.deepEqual(await leftovers(stack.name), []);
    await lab.runtime.up(described);
    assert.equal(upWithoutLibrary(described), 'is up');
  });
});

/** What comes of an `up` in a program that has not installed `acme-client`. */
function upWithoutLibrary(stack: Stack): string {
  const hook = `export const resolve = (name, context, next) => {
    if (name === 'acme-client') throw Object.assign(new Error('no such package'), { code: 'ERR_MODULE_NOT_FOUND' });
    return next(name, context);
  };`;
  const program = `
    import { register } from 'node:module';
    register('data:text/javascript,' + encodeURIComponent(process.env.HOOK));
    const { Stack } = await import('@plumbstack/core');
    const { DockerRuntime } = await import('@plumbstack/docker');
    const runtime = new DockerRuntime();
    await runtime.up(Stack.fromSpec(JSON.parse(process.env.SPEC))).then(
      () => console.log('is up'),
      (error) => console.log(error.message),
    );`;
  return execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: __dirname,
    env: { ...process.env, HOOK: hook, SPEC: JSON.stringify(stack.toSpec()) },
    encoding: 'utf8',
  }).trimEnd();
}

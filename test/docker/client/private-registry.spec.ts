import assert from 'node:assert/strict';
import { isPlumbstackError, type PlumbstackError } from '@plumbstack/core';
import { connect, thisMachine, type DockerClient, type ImageProgress } from '@plumbstack/docker/client';
import { EngineInContainer } from '../../support/engine-in-container';
import { PrivateRegistry } from '../../support/private-registry';
import { contextOf, ContextFolder } from './context-folder';

/** An engine that nobody else uses: which authorities an engine trusts is a matter of its whole machine. */
describe('a private registry with its own authority and logins', function () {
  this.timeout(240_000);
  let engine: EngineInContainer | undefined;
  let registry: PrivateRegistry | undefined;

  before(async function () {
    const refusal = await EngineInContainer.refusal();
    if (refusal !== undefined) return this.skip();
    engine = await EngineInContainer.start([]);
    registry = await PrivateRegistry.start(engine.network);
  });
  after(async () => {
    await registry?.[Symbol.asyncDispose]();
    await engine?.[Symbol.asyncDispose]();
  });

  const clientOf = async (password: string | undefined): Promise<DockerClient> => {
    const { host: server, login } = registry ?? assert.fail();
    const auth = Buffer.from(`${login}:${password}`).toString('base64');
    const config = JSON.stringify({ auths: password === undefined ? {} : { [server]: { auth } } });
    return connect({
      host: engine?.host ?? assert.fail(),
      environment: { ...thisMachine(), readFile: () => Promise.resolve(config) },
    });
  };
  const refused = async (client: DockerClient, reference: string): Promise<PlumbstackError> => {
    const error: unknown = await client.pullImage(reference).then(
      () => assert.fail('it was pulled'),
      (reason: unknown) => reason,
    );
    assert.ok(isPlumbstackError(error, 'IMAGE_PULL_FAILED'), String(error));
    return error;
  };

  it('is pulled from with the right authority and login, and each failure is told as what it is', async () => {
    if (engine === undefined || registry === undefined) return assert.fail();
    const { host, login, password } = registry;
    const reference = `${host}/team/api:1`;
    const right = await clientOf(password);
    const untrusted = await refused(right, reference);
    assert.equal(untrusted.details['why'], 'certificate');
    assert.match(untrusted.hint ?? '', /\/etc\/docker\/certs\.d\//);

    // What the hint says; no restart.
    await engine.write(`/etc/docker/certs.d/${host}/ca.crt`, await registry.authority());
    using folder = new ContextFolder({ Dockerfile: 'FROM scratch\nCOPY a /\nLABEL a=b', a: 'x' });
    await right.buildImage(contextOf(folder.path, { tag: reference }));
    await engine.docker('login', '--username', login, '--password', password, host);
    await engine.docker('push', '--quiet', reference);
    await engine.docker('rmi', reference);

    const progress: ImageProgress[] = [];
    await right.pullImage(reference, { onProgress: (each) => progress.push(each) });
    assert.equal((await right.inspectImage(reference))?.labels['a'], 'b');
    assert.ok(progress.some(({ status }) => /Downloaded newer image/.test(status)));

    const missing = await refused(right, `${host}/team/api:none`);
    assert.equal(missing.details['why'], 'not-found');
    for (const client of [await clientOf('wrong'), await clientOf(undefined)]) {
      const denied = await refused(client, reference);
      assert.equal(denied.details['why'], 'denied');
      assert.match(denied.hint ?? '', /docker login/);
      assert.ok(!JSON.stringify(denied).includes(password));
      client.close();
    }
    const unreached = await refused(right, `${host.replace('5000', '5001')}/team/api:1`);
    assert.equal(unreached.details['why'], 'unreachable');
    const unknown = await refused(right, 'no-such-host.test/team/api:1');
    assert.equal(unknown.details['why'], 'unreachable');
    right.close();
  });
});

import assert from 'node:assert/strict';
import { label } from '@plumbstack/docker/internal';
import { InMemoryEngine } from '@plumbstack/testing';
import {
  applied,
  bringUp,
  compare,
  configure,
  labelsOf,
  lose,
  relist,
  retold,
  type CompareOptions,
} from './planned';
import { sample } from './sample';

async function fingerprintOf(
  engine: InMemoryEngine,
  options: CompareOptions & { readonly spec?: ReturnType<typeof sample> } = {},
): Promise<string> {
  return (await compare(engine, options.spec ?? sample(), options)).plan.fingerprint;
}

/** Whatever a plan is made from. */
const worlds: Readonly<Record<string, (engine: InMemoryEngine) => unknown>> = {
  'another network of that name': (engine) =>
    relist(engine, 'listNetworks', ([first = {}]) => (first.id = 'another')),
  'no network': (engine) => relist(engine, 'listNetworks', (all) => (all.length = 0)),
  'a container less': (engine) => engine.remove('shop-workers-3'),
  'another container of the same name': async (engine) => {
    engine.remove('shop-site');
    await bringUp(engine, sample());
  },
  'another name': ({ client }) => client.renameContainer('shop-site', 'another'),
  'another state': (engine) => engine.stop('shop-site'),
  'a disconnected container': ({ client }) => client.disconnectNetwork('shop_site', 'shop-site'),
  'a volume less': (engine) => relist(engine, 'listVolumes', (all) => all.shift()),
  'another configuration': (engine) => configure(engine, 'shop-web', { 'nginx.conf': 'x' }),
  'a file less': (engine) => lose(engine, 'shop-web', 'nginx.conf'),
  'a file more': (engine) => configure(engine, 'shop-web', { 'tls/more': '' }),
  ...Object.fromEntries(
    [label.digest, label.address, label.resource, label.role, label.worker].map((key) => [
      `another label ${key}`,
      (engine: InMemoryEngine) =>
        (labelsOf(engine, 'shop-workers-1')[key] = key === label.worker ? '9' : 'another'),
    ]),
  ),
  'another value of a generated secret': (engine) =>
    configure(engine, 'shop-key.secret', { value: 'f'.repeat(64) }, '/secret'),
  'another image behind the same reference': (engine) =>
    engine.addImage('site', { id: 'sha256:another', entrypoint: ['/entrypoint'], command: ['serve'] }),
};

describe('the fingerprint of a plan', () => {
  it('is equal in an equal world, whatever order it is listed in', async () => {
    const engine = await applied(sample());
    const before = await fingerprintOf(engine);
    assert.match(before, /^[0-9a-f]{64}$/);
    assert.equal(await fingerprintOf(engine), before);
    const theirs = { name: 'theirs', labels: {}, gateway: '10.250.0.1', dynamicRange: '10.250.0.0/25' };
    await engine.client.createNetwork({ ...theirs, subnet: '10.250.0.0/24' });
    retold(engine, (answer) => {
      if (Array.isArray(answer)) answer.reverse();
    });
    assert.equal(await fingerprintOf(engine), before);
  });

  for (const [title, change] of Object.entries(worlds)) {
    it(`differs with ${title}`, async () => {
      const engine = await applied(sample());
      const before = await fingerprintOf(engine);
      await change(engine);
      assert.notEqual(await fingerprintOf(engine), before);
    });
  }

  it('differs with limits that somebody has changed', async () => {
    const spec = sample({ app: { resources: { pids: 7 } } });
    const engine = await applied(sample());
    const before = await fingerprintOf(engine, { spec });
    await engine.client.updateContainer('shop-site', { limits: { pids: 7 }, restart: 'always' });
    assert.notEqual(await fingerprintOf(engine, { spec }), before);
  });

  it('differs with another value of a secret that is given', async () => {
    const engine = await applied(sample());
    const another = await fingerprintOf(engine, { secrets: { certificate: 'another' } });
    assert.notEqual(another, await fingerprintOf(engine));
  });

  it('is equal for free ports and a free subnet that are yet to be chosen', async () => {
    const spec = sample({ subnet: false, app: { publish: 0 } });
    const first = await compare(new InMemoryEngine(), spec);
    const engine = new InMemoryEngine();
    for (const { subnet, gateway, dynamicRange } of first.desired.addresses.networks.slice(0, 1))
      await engine.client.createNetwork({ name: 'theirs', labels: {}, subnet, gateway, dynamicRange });
    const second = await compare(engine, spec);
    assert.notDeepEqual(first.desired.addresses.networks, second.desired.addresses.networks);
    assert.equal(first.plan.fingerprint, second.plan.fingerprint);
  });
});

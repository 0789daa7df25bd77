import assert from 'node:assert/strict';
import { label, type Inputs } from '@plumbstack/docker/internal';
import { inputsOf, secretInput } from '../compile/compiled';
import { applied, compare, configOf, emptyPicture, tamper, type Picture } from './picture';
import { sample } from './sample';

async function fingerprintOf(
  change: (picture: Picture) => unknown = () => undefined,
  inputs: Partial<Inputs> = {},
): Promise<string> {
  const picture = await applied(sample());
  change(picture);
  return (await compare(picture, sample(), inputs)).plan.fingerprint;
}

/** Whatever a plan is made from. */
const worlds: Readonly<Record<string, (picture: Picture) => unknown>> = {
  'another network of that name': ({ networks: [network] }) =>
    Object.assign(network ?? {}, { id: 'another' }),
  'no network': (picture) => (picture.networks = []),
  'a container less': ({ containers }) => containers.pop(),
  'another container of the same name': (picture) => tamper(picture, 'shop-site', () => ({ id: 'another' })),
  'another name': (picture) => tamper(picture, 'shop-site', () => ({ name: 'another' })),
  'another state': (picture) => tamper(picture, 'shop-site', () => ({ state: 'exited' })),
  'a disconnected container': (picture) => tamper(picture, 'shop-site', () => ({ networks: {} })),
  'a volume less': ({ volumes }) => volumes.shift(),
  'another configuration': (picture) => configOf(picture, 'shop-web').set('nginx.conf', Buffer.from('x')),
  'a file less': (picture) => configOf(picture, 'shop-web').delete('nginx.conf'),
  'a file more': (picture) => configOf(picture, 'shop-web').set('tls/more', Buffer.from('')),
  ...Object.fromEntries(
    [label.digest, label.address, label.resource, label.role].map((key) => [
      `another label ${key}`,
      (picture: Picture) =>
        tamper(picture, 'shop-workers-1', ({ labels }) => ({ labels: { ...labels, [key]: 'another' } })),
    ]),
  ),
  'another slot': (picture) =>
    tamper(picture, 'shop-workers-1', ({ labels }) => ({ labels: { ...labels, [label.worker]: '9' } })),
};

describe('the fingerprint of a plan', () => {
  it('is equal in an equal world, whatever order it is listed in', async () => {
    const before = await fingerprintOf();
    assert.match(before, /^[0-9a-f]{64}$/);
    assert.equal(await fingerprintOf(), before);
    const shuffled = await fingerprintOf(({ containers, volumes, configs, networks }) => {
      containers.reverse();
      volumes.reverse();
      networks.unshift({ id: 'theirs', name: 'theirs', labels: {}, subnets: ['10.250.0.0/24', 'fd00::/64'] });
      for (const [id, files] of [...configs]) configs.set(id, new Map([...files].reverse()));
    });
    assert.equal(shuffled, before);
  });

  for (const [title, change] of Object.entries(worlds)) {
    it(`differs with ${title}`, async () => {
      assert.notEqual(await fingerprintOf(change), await fingerprintOf());
    });
  }

  it('differs with limits that somebody has changed', async () => {
    const spec = sample({ app: { resources: { pids: 7 } } });
    const picture = await applied(sample());
    const before = (await compare(picture, spec)).plan.fingerprint;
    const id = picture.containers.find(({ name }) => name === 'shop-site')?.id ?? '';
    picture.settings.set(id, { limits: { pids: 7 }, restart: 'always' });
    assert.notEqual((await compare(picture, spec)).plan.fingerprint, before);
  });

  for (const name of ['key', 'certificate']) {
    it(`differs with another value of the secret ${name}`, async () => {
      const { secrets } = inputsOf(sample());
      const another = { secrets: { ...secrets, [name]: secretInput('another') } };
      assert.notEqual(await fingerprintOf(undefined, another), await fingerprintOf());
    });
  }

  it('differs with another image behind the same reference', async () => {
    const { images } = inputsOf(sample());
    const site = { ...images['site'], id: 'sha256:another' } as Inputs['images'][string];
    assert.notEqual(await fingerprintOf(undefined, { images: { ...images, site } }), await fingerprintOf());
  });

  it('is equal for free ports and a free subnet that are yet to be chosen', async () => {
    const spec = sample({ subnet: false, app: { publish: 0 } });
    const plan = async (port: number, elsewhere: string): Promise<string> => {
      const picture = emptyPicture();
      picture.networks.push({ id: 'theirs', name: 'theirs', labels: {}, subnets: [elsewhere] });
      return (await compare(picture, spec, { ports: { 'site:8000': port } })).plan.fingerprint;
    };
    assert.equal(await plan(49_000, '10.250.0.0/24'), await plan(49_001, '10.208.0.0/22'));
  });
});

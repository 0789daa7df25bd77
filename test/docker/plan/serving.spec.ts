import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  activeAddresses,
  label,
  observedContainer,
  roleOf,
  servingContainer,
  type ObservedContainer,
} from '@plumbstack/docker/internal';
import { applied, compare, labelsOf, observe } from './planned';
import { sample } from './sample';

function container(
  name: string,
  state: ObservedContainer['state'] = 'running',
  digest = 'current',
  address = '10.208.0.9',
): ObservedContainer {
  return observedContainer({
    id: `${name}-${state}-${digest}`,
    name,
    image: '',
    imageId: '',
    state,
    labels: { [label.digest]: digest, [label.address]: address },
    createdAt: '',
    networks: {},
    ports: [],
  });
}

describe('the container that serves', () => {
  const [current, old] = [container('shop-site'), container('shop-site', 'running', 'old')];
  for (const [title, containers, expected] of [
    ['the only one', [old], old],
    ['the only one, though it does not run', [container('a', 'exited')], container('a', 'exited')],
    ['the one that has answered, though another is up to date', [old, container('shop-site.next')], old],
    [
      'the one that has answered, though it does not run',
      [container('shop-site.next'), container('shop-site', 'exited', 'old')],
      container('shop-site', 'exited', 'old'),
    ],
    [
      'the later of two that have answered',
      [container('shop-site.leaving', 'running', 'old'), current],
      current,
    ],
    [
      'the one that runs, of two that have answered',
      [container('shop-site.leaving', 'running', 'old'), container('shop-site', 'exited')],
      container('shop-site.leaving', 'running', 'old'),
    ],
    [
      'the one before, while names are changed',
      [container('shop-site.leaving', 'running', 'old'), container('shop-site.next')],
      container('shop-site.leaving', 'running', 'old'),
    ],
  ] as readonly [string, readonly ObservedContainer[], ObservedContainer][]) {
    it(`is ${title}`, () => assert.deepEqual(servingContainer(containers), expected));
  }

  it('is none of none', () => assert.equal(servingContainer([]), undefined));

  it('is the same whatever the order they are listed in', () => {
    const some = fc.uniqueArray(
      fc
        .tuple(
          fc.constantFrom('a', 'a.next', 'a.leaving'),
          fc.constantFrom('running' as const, 'exited' as const),
          fc.constantFrom('current', 'old'),
        )
        .map(([name, state, digest]) => container(name, state, digest)),
      { selector: ({ name }) => name, minLength: 1 },
    );
    fc.assert(
      fc.property(some, (containers) => {
        const before = [...containers];
        const found = servingContainer(containers);
        assert.deepEqual(servingContainer([...containers].reverse()), found);
        assert.deepEqual(containers, before, 'the list is left as it was');
      }),
    );
  });
});

describe('where a router sends requests', () => {
  it('is the address and port of what serves, else the one where it will be', async () => {
    const engine = await applied(sample());
    const { desired } = await compare(engine, sample());
    const [site, workers] = [desired.units[1]?.addresses, desired.units[2]?.addresses];
    labelsOf(engine, 'shop-site')[label.address] = site?.[1] ?? '';
    engine.remove('shop-workers');
    const active = activeAddresses(desired.units, await observe(engine));
    assert.deepEqual(active, { site: `${site?.[1]}:8000`, workers: `${workers?.[0]}:8080` });
  });

  it('is the port that what serves was made with, and not the one that its successor will have', async () => {
    const { desired, observed } = await compare(await applied(sample()), sample({ app: { port: 9000 } }));
    const active = activeAddresses(desired.units, observed);
    assert.equal(active['site'], `${desired.units[1]?.addresses[0]}:8000`);
  });

  it('is what a resource was before it became another kind, while that runs', async () => {
    const engine = await applied(sample());
    labelsOf(engine, 'shop-site')[label.resource] = 'workers';
    const { desired, observed } = await compare(engine, sample());
    const at = labelsOf(engine, 'shop-site')[label.address];
    assert.equal(activeAddresses(desired.units, observed)['workers'], `${at}:8000`);
    engine.stop('shop-site');
    assert.match(activeAddresses(desired.units, await observe(engine))['workers'] ?? '', /:8080$/);
  });
});

describe('the role of a container that stands for its unit', () => {
  it('is the kind of the unit, and balancer for a pool', () => {
    assert.deepEqual((['app', 'service', 'pool', 'router'] as const).map(roleOf), [
      'app',
      'service',
      'balancer',
      'router',
    ]);
  });
});

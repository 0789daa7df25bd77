import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isPlumbstackError, Stack, type ResourceSpec, type StackSpec } from '@plumbstack/core';
import {
  findFreeSubnet,
  parseAddress,
  parseSubnet,
  planAddresses,
  sizeOf,
  type AddressPlan,
  type TakenAddresses,
} from '@plumbstack/docker/internal';
import { arbitraryStack } from '../../support/arbitrary-stack';
import { modest, nothingTaken } from './compiled';

const specs = arbitraryStack().map((stack) => modest(stack.toSpec()));
const everything = ({ addresses, slots }: AddressPlan): readonly string[] =>
  [...Object.values(addresses), ...Object.values(slots)].flat();
/** What the engine has once everything of a plan runs. */
const taken = ({ subnet, addresses, slots }: AddressPlan): TakenAddresses => ({ subnet, addresses, slots });
const never = (): string => assert.fail('a subnet was chosen where one is known');

/** Stacks of these resources, each with an image that is never looked at. */
function stackOf(name: string, declare: (stack: Stack) => void, subnet?: string): StackSpec {
  const stack = new Stack(name, subnet === undefined ? {} : { subnet });
  declare(stack);
  return stack.toSpec();
}

function poolStack(replicas: number, parallelism = 1): StackSpec {
  return stackOf('s', (stack) => {
    const app = stack.app('api', { image: 'api' });
    stack.pool('workers', { app, replicas, update: { parallelism } });
  });
}

describe('an address plan', () => {
  it('never gives one address to two', () => {
    fc.assert(
      fc.property(specs, (spec) => {
        const all = everything(planAddresses(spec, nothingTaken, never));
        assert.equal(new Set(all).size, all.length);
      }),
    );
  });

  it('stays inside the subnet, away from its own address, the gateway, the dynamic range and broadcast', () => {
    fc.assert(
      fc.property(specs, fc.integer({ min: 16, max: 22 }), (spec, prefix) => {
        const plan = planAddresses({ ...spec, subnet: `10.32.0.0/${prefix}` }, nothingTaken, never);
        const { base } = parseSubnet(plan.subnet);
        const dynamic = parseSubnet(plan.dynamicRange);
        assert.equal(parseAddress(plan.gateway), base + 1);
        assert.equal(dynamic.base + sizeOf(dynamic), base + sizeOf(parseSubnet(plan.subnet)));
        for (const each of everything(plan)) {
          assert.ok(parseAddress(each) > base + 1 && parseAddress(each) < dynamic.base, each);
        }
      }),
    );
  });

  it('keeps everybody where they are when it is made again', () => {
    fc.assert(
      fc.property(specs, (spec) => {
        const plan = planAddresses(spec, nothingTaken, never);
        assert.deepEqual(planAddresses(spec, taken(plan), never), plan);
      }),
    );
  });

  it('moves nobody when resources come, go and change places', () => {
    const name = fc.stringMatching(/^new-[a-z]{1,8}$/);
    fc.assert(
      fc.property(specs, specs, name, fc.infiniteStream(fc.nat()), (spec, other, added, order) => {
        const before = planAddresses(spec, nothingTaken, never);
        const kept = spec.resources.filter(() => (order.next().value ?? 0) % 3 !== 0);
        const more = other.resources
          .slice(0, 3)
          .map((each, index): ResourceSpec => ({ ...each, name: `${added}-${index}` }));
        const resources = [...kept, ...more]
          .map((each) => ({ each, rank: order.next().value ?? 0 }))
          .sort((a, b) => a.rank - b.rank)
          .map(({ each }) => each);
        const after = planAddresses({ ...spec, resources }, taken(before), never);
        for (const each of kept) {
          assert.deepEqual(after.addresses[each.name], before.addresses[each.name]);
          assert.deepEqual(after.slots[each.name], before.slots[each.name]);
        }
        // What is still there of the others is given to nobody else.
        const gone = spec.resources.filter((each) => !kept.includes(each)).map((each) => each.name);
        const held = gone.flatMap((each) => [
          ...(before.addresses[each] ?? []),
          ...(before.slots[each] ?? []),
        ]);
        assert.deepEqual(
          everything(after).filter((each) => held.includes(each)),
          [],
        );
      }),
    );
  });

  it('gives a service and a router one address, an app and a pool two, and what is no container none', () => {
    const spec = stackOf('s', (stack) => {
      stack.volume('data');
      stack.secret('key', { generateBytes: 16 });
      stack.service('db', { image: 'db' });
      const app = stack.app('api', { image: 'api' });
      stack.app('site', { image: 'site' });
      stack.pool('workers', { app });
      stack.router('web');
    });
    const { addresses, slots } = planAddresses(spec, nothingTaken, () => '10.208.0.0/22');
    const counts = Object.entries(addresses).map(([name, list]) => [name, list.length]);
    assert.deepEqual(Object.fromEntries(counts), { db: 1, api: 2, site: 2, workers: 2, web: 1 });
    assert.deepEqual(Object.keys(slots), ['workers']);
  });

  it('has slots for every worker and one batch of successors, at least 16', () => {
    for (const [replicas, parallelism, slots] of [
      [0, 1, 16],
      [15, 1, 16],
      [16, 1, 24],
      [20, 5, 32],
      [100, 100, 200],
    ] as const) {
      const plan = planAddresses(poolStack(replicas, parallelism), nothingTaken, () => '10.208.0.0/22');
      assert.equal(plan.slots['workers']?.length, slots, `${replicas} replicas, ${parallelism} at once`);
    }
  });

  it('keeps the place of every slot when a pool grows, and when it shrinks', () => {
    fc.assert(
      fc.property(fc.nat({ max: 300 }), fc.nat({ max: 300 }), (from, to) => {
        const before = planAddresses(poolStack(from), nothingTaken, () => '10.208.0.0/22');
        const after = planAddresses(poolStack(to), taken(before), never);
        const [old = [], now = []] = [before.slots['workers'], after.slots['workers']];
        assert.deepEqual(now.slice(0, old.length), old);
        assert.ok(now.length >= to);
      }),
    );
  });

  it('fills slots that nothing is known of, and leaves the known ones on their numbers', () => {
    const slots = ['10.208.0.40', undefined, '10.208.0.50'];
    const plan = planAddresses(
      poolStack(1),
      { ...nothingTaken, subnet: '10.208.0.0/22', slots: { workers: slots } },
      never,
    );
    const [first, second, third, ...rest] = plan.slots['workers'] ?? [];
    assert.deepEqual([first, third, rest.length], ['10.208.0.40', '10.208.0.50', 13]);
    assert.ok(second !== undefined && !slots.includes(second));
    assert.equal(new Set(everything(plan)).size, everything(plan).length);
  });

  it('names the same two addresses whichever of them serves', () => {
    const spec = stackOf('s', (stack) => stack.app('api', { image: 'api' }));
    const subnet = '10.208.0.0/22';
    const first = planAddresses(spec, { ...nothingTaken, subnet, addresses: { api: ['10.208.0.2'] } }, never);
    const second = planAddresses(
      spec,
      { ...nothingTaken, subnet, addresses: { api: ['10.208.0.3'] } },
      never,
    );
    assert.deepEqual(first, second);
  });

  it('begins anew when the program moves the stack to another network', () => {
    const before = planAddresses(poolStack(2), nothingTaken, () => '10.208.0.0/22');
    const after = planAddresses({ ...poolStack(2), subnet: '10.99.0.0/24' }, taken(before), never);
    assert.equal(after.subnet, '10.99.0.0/24');
    assert.ok(everything(after).every((each) => each.startsWith('10.99.0.')));
  });

  it('takes another way to write the same subnet for the same network', () => {
    const before = planAddresses(poolStack(2), nothingTaken, () => '10.208.0.0/22');
    assert.deepEqual(
      planAddresses(poolStack(2), { ...taken(before), subnet: '10.208.1.7/22' }, never),
      before,
    );
  });

  it('believes no address that cannot be: outside the subnet, reserved, no address at all, or held by another', () => {
    const spec = stackOf('s', (stack) => {
      for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) stack.service(name, { image: 'i' });
    });
    const addresses = {
      a: ['192.168.0.9'],
      b: ['10.208.0.1'],
      c: ['10.208.3.255'],
      d: ['no address'],
      e: ['10.208.0.77'],
      f: ['10.208.0.77'],
    };
    const plan = planAddresses(spec, { subnet: '10.208.0.0/22', addresses, slots: {} }, never);
    assert.deepEqual(plan.addresses['e'], ['10.208.0.77']);
    const all = everything(plan);
    assert.equal(new Set(all).size, 6);
    for (const each of all) assert.match(each, /^10\.208\.0\.([2-9]|77)$/);
  });

  it('follows containers whose network somebody has removed into the one that is chosen now', () => {
    const addresses = { db: ['10.208.0.9'] };
    const spec = stackOf('s', (stack) => stack.service('db', { image: 'db' }));
    const plan = (subnet: string): unknown =>
      planAddresses(spec, { addresses, slots: {} }, () => subnet).addresses['db'];
    assert.deepEqual(plan('10.208.0.0/22'), ['10.208.0.9']);
    assert.deepEqual(plan('10.208.4.0/22'), ['10.208.4.2']);
  });

  it('says that a network is too small, and what to do', () => {
    const full = { ...poolStack(100), subnet: '10.208.0.0/26' };
    assert.throws(
      () => planAddresses(full, nothingTaken, never),
      (error) => {
        assert.ok(isPlumbstackError(error, 'ADDRESS_POOL_EXHAUSTED'));
        assert.equal(error.resource, 's');
        assert.equal(error.details['subnet'], '10.208.0.0/26');
        assert.match(error.hint ?? '', /larger network/);
        return true;
      },
    );
  });

  it('uses every address there is before it says so', () => {
    // A /26 has 64: its own, the gateway and the last 8 are not for us.
    const services = (count: number): StackSpec =>
      stackOf(
        's',
        (stack) => {
          for (let number = 0; number < count; number++) stack.service(`s${number}`, { image: 'i' });
        },
        '10.208.0.0/26',
      );
    assert.equal(everything(planAddresses(services(54), nothingTaken, never)).length, 54);
    assert.throws(
      () => planAddresses(services(55), nothingTaken, never),
      (error) => isPlumbstackError(error, 'ADDRESS_POOL_EXHAUSTED'),
    );
  });

  it('takes a resource called as what every object has for a resource like any other', () => {
    const spec = stackOf('s', (stack) => {
      stack.pool('constructor', { app: stack.app('api', { image: 'api' }) });
    });
    const plan = planAddresses(spec, nothingTaken, () => '10.208.0.0/22');
    assert.equal(plan.addresses['constructor']?.length, 2);
    assert.equal(plan.slots['constructor']?.length, 16);
  });
});

describe('the search for a free subnet', () => {
  const network = fc
    .tuple(fc.integer({ min: 0, max: 2 ** 14 - 1 }), fc.integer({ min: 16, max: 26 }))
    // 10.208.0.0/18 and a little around it, so that many do overlap.
    .map(([offset, prefix]) => {
      const base = parseAddress('10.207.224.0') + offset * 2;
      return `${[24, 16, 8, 0].map((shift) => (base >>> shift) & 255).join('.')}/${prefix}`;
    });
  const range = (text: string): readonly [number, number] => {
    const subnet = parseSubnet(text);
    return [subnet.base, subnet.base + sizeOf(subnet)];
  };

  it('finds the first network of the pool that overlaps no other, or says that there is none', () => {
    const pool = '10.208.0.0/18';
    fc.assert(
      fc.property(fc.array(network, { maxLength: 20 }), (others) => {
        const [first, end] = range(pool);
        let expected: number | undefined;
        for (let base = first; base < end && expected === undefined; base += 1024) {
          const hit = others
            .map(range)
            .some(([from, to]) => Math.max(from, base) < Math.min(to, base + 1024));
          if (!hit) expected = base;
        }
        if (expected === undefined) {
          assert.throws(
            () => findFreeSubnet(pool, 22, others),
            (error) =>
              isPlumbstackError(error, 'ADDRESS_POOL_EXHAUSTED') && /another pool/.test(error.hint ?? ''),
          );
        } else {
          assert.deepEqual(range(findFreeSubnet(pool, 22, others)), [expected, expected + 1024]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('says what is taken where nothing is free', () => {
    assert.throws(
      () => findFreeSubnet('10.208.0.0/22', 22, ['10.208.3.0/24']),
      (error) => {
        assert.ok(isPlumbstackError(error, 'ADDRESS_POOL_EXHAUSTED'));
        assert.deepEqual(error.details, { pool: '10.208.0.0/22', prefix: 22, taken: ['10.208.3.0/24'] });
        return true;
      },
    );
  });

  it('gives a pool that is one network as that network', () => {
    assert.equal(findFreeSubnet('10.208.4.0/22', 22, ['10.208.0.0/22', '10.208.8.0/22']), '10.208.4.0/22');
  });
});

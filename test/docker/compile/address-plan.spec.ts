import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  isPlumbstackError,
  Stack,
  type ResourceSpec,
  type StackOptions,
  type StackSpec,
} from '@plumbstack/core';
import {
  contains,
  FreeSubnets,
  overlap,
  parseAddress,
  parseSubnet,
  planAddresses,
  sizeOf,
  type AddressPlan,
  type TakenAddresses,
} from '@plumbstack/docker/internal';
import { arbitraryStack } from '../../support/arbitrary-stack';
import { emptySpace, modest, nothingTaken } from './compiled';

const specs = arbitraryStack().map((stack) => modest(stack.toSpec()));

/** Every fixed address with the network that it is to be of. */
function everything({
  homes,
  addresses,
  slots,
  guests,
  workerGuests,
}: AddressPlan): readonly (readonly [network: string, address: string])[] {
  const atHome = [...Object.entries(addresses), ...Object.entries(slots)].flatMap(([resource, list]) =>
    list.map((each) => [homes[resource] ?? '', each] as const),
  );
  const elsewhere = [...Object.values(guests), ...Object.values(workerGuests)]
    .flat()
    .flatMap(({ network, addresses: there }) => Object.values(there).map((each) => [network, each] as const));
  return [...atHome, ...elsewhere];
}
const addressesOf = (plan: AddressPlan): readonly string[] => everything(plan).map(([, address]) => address);

/** What the engine has once everything of a plan runs. */
function taken({ networks, addresses, slots, guests }: AddressPlan): TakenAddresses {
  const byNetwork: Record<string, Record<string, string>> = {};
  for (const { network, addresses: there } of Object.values(guests).flat())
    byNetwork[network] = { ...byNetwork[network], ...there };
  return {
    subnets: Object.fromEntries(networks.map(({ name, subnet }) => [name, subnet])),
    addresses,
    slots,
    guests: byNetwork,
  };
}
/** For plans that need no new network. */
const noSpace = { pool: '203.0.113.0/30', others: [] };

/** Stacks of these resources, each with an image that is never looked at. */
function stackOf(name: string, declare: (stack: Stack) => void, options: StackOptions = {}): StackSpec {
  const stack = new Stack(name, options);
  declare(stack);
  return stack.toSpec();
}

function poolStack(replicas: number, parallelism = 1, options: StackOptions = {}): StackSpec {
  return stackOf(
    's',
    (stack) => {
      const app = stack.app('api', { image: 'api' });
      stack.pool('workers', { app, replicas, update: { parallelism } });
    },
    options,
  );
}

const subnetOf = ({ networks }: AddressPlan, name: string): string =>
  networks.find((each) => each.name === name)?.subnet ?? assert.fail(`no network ${name}`);

describe('an address plan', () => {
  it('never gives one address to two', () => {
    fc.assert(
      fc.property(specs, fc.boolean(), (spec, isolation) => {
        const all = addressesOf(planAddresses({ ...spec, isolation }, nothingTaken, emptySpace));
        assert.equal(new Set(all).size, all.length);
      }),
    );
  });

  it('has networks that do not overlap, inside the subnet of the stack where it has one', () => {
    fc.assert(
      fc.property(specs, fc.boolean(), (spec, isChosen) => {
        const { subnet, ...free } = spec;
        const { networks } = planAddresses(isChosen ? spec : free, nothingTaken, emptySpace);
        const whole = parseSubnet(isChosen ? (subnet ?? '') : emptySpace.pool);
        const subnets = networks.map((each) => parseSubnet(each.subnet));
        for (const [index, each] of subnets.entries()) {
          assert.ok(each.prefix >= whole.prefix && contains(whole, each.base));
          assert.ok(subnets.slice(index + 1).every((other) => !overlap(each, other)));
        }
      }),
    );
  });

  it('stays inside each network, away from its own address, the gateway, the dynamic range and broadcast', () => {
    fc.assert(
      fc.property(specs, fc.boolean(), (spec, isolation) => {
        const plan = planAddresses({ ...spec, isolation }, nothingTaken, emptySpace);
        const byName = new Map(plan.networks.map((each) => [each.name, each]));
        for (const { subnet, gateway, dynamicRange } of plan.networks) {
          const [whole, dynamic] = [parseSubnet(subnet), parseSubnet(dynamicRange)];
          assert.equal(parseAddress(gateway), whole.base + 1);
          assert.equal(dynamic.base + sizeOf(dynamic), whole.base + sizeOf(whole));
        }
        for (const [network, each] of everything(plan)) {
          const { subnet, dynamicRange } = byName.get(network) ?? assert.fail(network);
          const address = parseAddress(each);
          assert.ok(address > parseSubnet(subnet).base + 1 && address < parseSubnet(dynamicRange).base, each);
        }
      }),
    );
  });

  it('has room for every guest that the engine gives an address', () => {
    const spec = stackOf('s', (stack) => {
      const target = stack.app('target', { image: 'i' });
      const caller = stack.app('caller', { image: 'i', dependsOn: [target] });
      stack.pool('callers', { app: caller, replicas: 100, update: { parallelism: 50 } });
      for (let number = 0; number < 40; number++) stack.router(`r${number}`).route('/', target);
    });
    const plan = planAddresses(spec, nothingTaken, emptySpace);
    const room = (name: string): number =>
      sizeOf(parseSubnet(plan.networks.find((each) => each.name === name)?.dynamicRange ?? '')) - 1;
    assert.ok(room('s_target') >= 40);
    assert.ok(room('s_target_callers') >= (plan.slots['callers']?.length ?? Infinity));
  });

  it('keeps everybody where they are when it is made again', () => {
    fc.assert(
      fc.property(specs, fc.boolean(), (spec, isolation) => {
        const chosen = { ...spec, isolation };
        const plan = planAddresses(chosen, nothingTaken, emptySpace);
        assert.deepEqual(planAddresses(chosen, taken(plan), noSpace), plan);
      }),
    );
  });

  it('moves nobody when resources come, go and change places', () => {
    const name = fc.stringMatching(/^new-[a-z]{1,8}$/);
    fc.assert(
      fc.property(specs, specs, name, fc.infiniteStream(fc.nat()), (spec, other, added, order) => {
        const before = planAddresses(spec, nothingTaken, emptySpace);
        const kept = spec.resources.filter(() => (order.next().value ?? 0) % 3 !== 0);
        const more = other.resources
          .slice(0, 3)
          .map((each, index): ResourceSpec => ({ ...each, name: `${added}-${index}` }));
        const resources = [...kept, ...more]
          .map((each) => ({ each, rank: order.next().value ?? 0 }))
          .sort((a, b) => a.rank - b.rank)
          .map(({ each }) => each);
        const after = planAddresses({ ...spec, resources }, taken(before), emptySpace);
        for (const each of kept) {
          // An app that was pooled and is not any more has had no address, nor the other way round.
          if (before.addresses[each.name] === undefined || after.addresses[each.name] === undefined) continue;
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
          addressesOf(after).filter((each) => held.includes(each)),
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
    const { addresses, slots } = planAddresses(spec, nothingTaken, emptySpace);
    const counts = Object.entries(addresses).map(([name, list]) => [name, list.length]);
    assert.deepEqual(Object.fromEntries(counts), { db: 1, site: 2, workers: 2, web: 1 });
    assert.deepEqual(Object.keys(slots), ['workers']);
  });

  it('gives what others depend on a fixed address wherever they look for it', () => {
    const spec = stackOf('s', (stack) => {
      const db = stack.service('db', { image: 'db' });
      const app = stack.app('api', { image: 'api', dependsOn: [db] });
      stack.app('caller', { image: 'i', dependsOn: [app] });
    });
    const { addresses, guests } = planAddresses(spec, nothingTaken, emptySpace);
    const [db] = guests['db'] ?? [];
    assert.equal(db?.network, 's_api');
    assert.deepEqual(db.aliases, ['db']);
    assert.deepEqual(Object.keys(db.addresses), addresses['db']);
    const [api] = guests['api'] ?? [];
    assert.equal(api?.network, 's_caller_api');
    assert.deepEqual(Object.keys(api.addresses), addresses['api']);
    assert.deepEqual(guests['caller'], [{ network: 's_caller_api', aliases: [], addresses: {} }]);
  });

  it('has slots for every worker and one batch of successors, at least 16', () => {
    for (const [replicas, parallelism, slots] of [
      [0, 1, 16],
      [15, 1, 16],
      [16, 1, 24],
      [20, 5, 32],
      [100, 100, 200],
    ] as const) {
      const plan = planAddresses(poolStack(replicas, parallelism), nothingTaken, emptySpace);
      assert.equal(plan.slots['workers']?.length, slots, `${replicas} replicas, ${parallelism} at once`);
    }
  });

  it('keeps the place of every slot when a pool grows to a thousand, and when it shrinks', () => {
    fc.assert(
      fc.property(fc.nat({ max: 990 }), fc.nat({ max: 990 }), (from, to) => {
        const before = planAddresses(poolStack(from), nothingTaken, emptySpace);
        const after = planAddresses(poolStack(to), taken(before), noSpace);
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
      { ...nothingTaken, subnets: { 's_workers.pool': '10.208.0.0/21' }, slots: { workers: slots } },
      noSpace,
    );
    const [first, second, third, ...rest] = plan.slots['workers'] ?? [];
    assert.deepEqual([first, third, rest.length], ['10.208.0.40', '10.208.0.50', 13]);
    assert.ok(second !== undefined && !slots.includes(second));
    assert.equal(new Set(addressesOf(plan)).size, addressesOf(plan).length);
  });

  it('names the same two addresses whichever of them serves', () => {
    const spec = stackOf('s', (stack) => stack.app('api', { image: 'api' }));
    const subnets = { s_api: '10.208.0.0/27' };
    const plan = (address: string): AddressPlan =>
      planAddresses(spec, { ...nothingTaken, subnets, addresses: { api: [address] } }, noSpace);
    assert.deepEqual(plan('10.208.0.2'), plan('10.208.0.3'));
  });

  it('begins anew when the program moves the stack to another network', () => {
    const before = planAddresses(poolStack(2), nothingTaken, emptySpace);
    const after = planAddresses({ ...poolStack(2), subnet: '10.99.0.0/24' }, taken(before), noSpace);
    assert.ok(addressesOf(after).every((each) => each.startsWith('10.99.0.')));
  });

  it('leaves the stack where it is when the program names a network around it', () => {
    const before = planAddresses(poolStack(2, 1, { subnet: '10.99.4.0/24' }), nothingTaken, noSpace);
    const after = planAddresses({ ...poolStack(2), subnet: '10.99.0.0/16' }, taken(before), noSpace);
    assert.deepEqual(after, before);
  });

  it('makes a network anew that has become too small, and leaves the others', () => {
    const apps = (routers: number): StackSpec =>
      stackOf('s', (stack) => {
        const target = stack.app('target', { image: 'i' });
        const other = stack.app('other', { image: 'i' });
        stack.router('web').route('/other/', other);
        for (let number = 0; number < routers; number++) stack.router(`r${number}`).route('/', target);
      });
    const before = planAddresses(apps(1), nothingTaken, emptySpace);
    const after = planAddresses(apps(60), taken(before), emptySpace);
    assert.notEqual(subnetOf(after, 's_target'), subnetOf(before, 's_target'));
    assert.equal(subnetOf(after, 's_other'), subnetOf(before, 's_other'));
  });

  it('begins anew where a stack that had one network is isolated in the same subnet', () => {
    const subnet = '10.99.0.0/24';
    const before = planAddresses({ ...poolStack(2), subnet, isolation: false }, nothingTaken, noSpace);
    assert.deepEqual(
      before.networks.map((each) => [each.name, each.subnet]),
      [['s', subnet]],
    );
    const after = planAddresses({ ...poolStack(2), subnet }, taken(before), noSpace);
    assert.deepEqual(
      after.networks.map(({ name }) => name),
      ['s_workers.pool'],
    );
  });

  it('takes another way to write the same subnet for the same network', () => {
    const subnet = '10.20.0.0/22';
    const spec = { ...poolStack(2), subnet, isolation: false };
    const before = planAddresses(spec, nothingTaken, noSpace);
    assert.deepEqual(
      planAddresses(spec, { ...taken(before), subnets: { s: '10.20.1.7/22' } }, noSpace),
      before,
    );
  });

  it('believes no address that cannot be: outside the subnet, reserved, no address at all, or held by another', () => {
    const spec = stackOf(
      's',
      (stack) => {
        for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) stack.service(name, { image: 'i' });
      },
      { isolation: false },
    );
    const addresses = {
      a: ['192.168.0.9'],
      b: ['10.208.0.1'],
      c: ['10.208.3.255'],
      d: ['no address'],
      e: ['10.208.0.77'],
      f: ['10.208.0.77'],
    };
    const subnets = { s: '10.208.0.0/22' };
    const plan = planAddresses(spec, { ...nothingTaken, subnets, addresses }, noSpace);
    assert.deepEqual(plan.addresses['e'], ['10.208.0.77']);
    const all = addressesOf(plan);
    assert.equal(new Set(all).size, 6);
    for (const each of all) assert.match(each, /^10\.208\.0\.([2-9]|77)$/);
  });

  it('follows containers whose network somebody has removed into the one that is chosen now', () => {
    const spec = stackOf('s', (stack) => stack.service('db', { image: 'db' }));
    const before = planAddresses(spec, nothingTaken, emptySpace);
    const { subnets: _, ...rest } = taken(before);
    assert.deepEqual(planAddresses(spec, { ...rest, subnets: {} }, emptySpace), before);
    const others = [subnetOf(before, 's.db')];
    const after = planAddresses(spec, { ...rest, subnets: {} }, { ...emptySpace, others });
    assert.notDeepEqual(after.addresses['db'], before.addresses['db']);
  });

  it('says that a network is too small, and what to do', () => {
    const full = { ...poolStack(100), subnet: '10.208.0.0/26' };
    assert.throws(
      () => planAddresses(full, nothingTaken, emptySpace),
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
        { subnet: '10.208.0.0/26', isolation: false },
      );
    assert.equal(addressesOf(planAddresses(services(54), nothingTaken, emptySpace)).length, 54);
    assert.throws(
      () => planAddresses(services(55), nothingTaken, emptySpace),
      (error) => isPlumbstackError(error, 'ADDRESS_POOL_EXHAUSTED'),
    );
  });

  it('makes do with less where its subnet is small: eight services in a /26', () => {
    const services = stackOf(
      's',
      (stack) => {
        for (let number = 0; number < 8; number++) stack.service(`s${number}`, { image: 'i' });
      },
      { subnet: '10.208.0.0/26' },
    );
    assert.equal(planAddresses(services, nothingTaken, emptySpace).networks.length, 8);
  });

  it('takes a resource called as what every object has for a resource like any other', () => {
    const spec = stackOf('s', (stack) => {
      stack.pool('constructor', { app: stack.app('api', { image: 'api' }) });
    });
    const plan = planAddresses(spec, nothingTaken, emptySpace);
    assert.equal(plan.addresses['constructor']?.length, 2);
    assert.equal(plan.slots['constructor']?.length, 16);
    assert.equal(plan.homes['constructor'], 's_constructor.pool');
  });

  it('of a stack without a subnet does not begin where that of another stack does', () => {
    const first = (name: string): string =>
      planAddresses(
        stackOf(name, (stack) => stack.app('a', { image: 'i' })),
        nothingTaken,
        emptySpace,
      ).networks[0]?.subnet ?? '';
    const subnets = Array.from({ length: 20 }, (_, index) => first(`stack-${index}`));
    assert.ok(new Set(subnets).size > 15, subnets.join(' '));
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
            () => new FreeSubnets(pool, others).take(22),
            (error) =>
              isPlumbstackError(error, 'ADDRESS_POOL_EXHAUSTED') && /another pool/.test(error.hint ?? ''),
          );
        } else {
          assert.deepEqual(range(new FreeSubnets(pool, others).take(22)), [expected, expected + 1024]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('says what is taken where nothing is free', () => {
    assert.throws(
      () => new FreeSubnets('10.208.0.0/22', ['10.208.3.0/24']).take(22),
      (error) => {
        assert.ok(isPlumbstackError(error, 'ADDRESS_POOL_EXHAUSTED'));
        assert.deepEqual(error.details, { pool: '10.208.0.0/22', prefix: 22, taken: ['10.208.3.0/24'] });
        return true;
      },
    );
  });

  it('gives a pool that is one network as that network', () => {
    const free = new FreeSubnets('10.208.4.0/22', ['10.208.0.0/22', '10.208.8.0/22']);
    assert.equal(free.take(22), '10.208.4.0/22');
  });

  it('hands out every one there is once, wherever it begins, and of several sizes none that overlap', () => {
    const pool = '10.208.0.0/18';
    const prefixes = fc.array(fc.integer({ min: 19, max: 26 }), { maxLength: 60 });
    fc.assert(
      fc.property(fc.array(network, { maxLength: 10 }), prefixes, fc.string(), (others, wanted, seed) => {
        const free = new FreeSubnets(pool, others, seed);
        const given = others.map(parseSubnet);
        const takeAll = function* (): Generator<number> {
          yield* wanted;
          // Then all that is left, address block by address block.
          for (;;) yield 26;
        };
        for (const prefix of takeAll()) {
          let next: ReturnType<typeof parseSubnet>;
          try {
            next = parseSubnet(free.take(prefix));
          } catch {
            if (prefix === 26) break;
            continue;
          }
          assert.ok(given.every((each) => !overlap(each, next)));
          given.push(next);
        }
        const [first, end] = range(pool);
        for (let base = first; base < end; base += 64)
          assert.ok(
            given.some((each) => overlap(each, { base, prefix: 26 })),
            String(base),
          );
      }),
      { numRuns: 100 },
    );
  });
});

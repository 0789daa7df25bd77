import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import fc from 'fast-check';
import { Stack, type StackOptions, type StackSpec } from '@plumbstack/core';
import type { DockerSpec } from '@plumbstack/docker/internal';
import { arbitraryStack } from '../../support/arbitrary-stack';
import { compiled, modest, poolOf } from './compiled';

const believedOf = (desired: DockerSpec, pool: string): readonly string[] =>
  poolOf(desired, pool).config.model.believed;

function stackOf(routers: readonly string[], publish = false, options: StackOptions = {}): StackSpec {
  const stack = new Stack('s', options);
  const pools = ['one', 'two'].map((name) =>
    stack.pool(name, {
      app: stack.app(`${name}-app`, { image: 'i' }),
      ...(publish && name === 'one' && { publish: 8080 }),
    }),
  );
  for (const name of routers) {
    const router = stack.router(name);
    for (const pool of pools) router.route(`/${pool.name}/`, pool);
  }
  return stack.toSpec();
}

describe('who is believed about the visitors of a pool', () => {
  it('is where the engine puts the routers in its network, in a network of its own', () => {
    const desired = compiled(stackOf(['web', 'more']));
    const ranges = new Map(
      desired.addresses.networks.map(({ name, dynamicRange }) => [name, dynamicRange] as const),
    );
    assert.deepEqual(believedOf(desired, 'one'), [ranges.get('s_one.pool')]);
    assert.deepEqual(believedOf(desired, 'two'), [ranges.get('s_two.pool')]);
    assert.notEqual(ranges.get('s_one.pool'), ranges.get('s_two.pool'));
  });

  it('is each router by its address, in the one network of all', () => {
    const desired = compiled(stackOf(['web', 'more'], false, { isolation: false }));
    const { addresses } = desired.addresses;
    const routers = [...(addresses['more'] ?? []), ...(addresses['web'] ?? [])].sort();
    assert.equal(routers.length, 2);
    for (const pool of ['one', 'two']) assert.deepEqual(believedOf(desired, pool), routers);
  });

  it('is its front where it has one', () => {
    const { networks } = compiled(stackOf([], true)).addresses;
    const range = networks.find(({ name }) => name === 's_one.pool')?.dynamicRange;
    assert.deepEqual(believedOf(compiled(stackOf([], true)), 'one'), [range]);
    const together = compiled(stackOf([], true, { isolation: false }));
    assert.deepEqual(believedOf(together, 'one'), together.addresses.addresses['one.front']);
  });

  it('is nobody where no router leads there, in the one network of all', () => {
    assert.deepEqual(believedOf(compiled(stackOf([], false, { isolation: false })), 'one'), []);
  });

  it('is never an app, a service, a worker or another HAProxy, nor the gateway', () => {
    fc.assert(
      fc.property(
        arbitraryStack().map((stack) => modest(stack.toSpec())),
        fc.boolean(),
        (given, isolation) => {
          const desired = compiled({ ...given, isolation });
          const { networks, slots } = desired.addresses;
          const fixed = desired.units.flatMap(({ kind, addresses, guests }) =>
            kind === 'router'
              ? []
              : [...addresses, ...guests.flatMap((guest) => Object.values(guest.addresses))],
          );
          const others = [
            ...fixed,
            ...Object.values(slots).flat(),
            ...networks.map(({ gateway }) => gateway),
          ];
          for (const unit of desired.units) {
            if (unit.kind !== 'pool') continue;
            const believed = blockList(unit.config.model.believed);
            assert.deepEqual(
              others.filter((each) => believed.check(each)),
              [],
            );
          }
        },
      ),
    );
  });
});

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const each of networks) {
    const [address = '', bits = '32'] = each.split('/');
    list.addSubnet(address, Number(bits));
  }
  return list;
}

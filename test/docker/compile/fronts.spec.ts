import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Stack, type PoolOptions, type RouterSpec, type StackSpec } from '@plumbstack/core';
import { compileStack, planAddresses, withFronts, type AddressPlan } from '@plumbstack/docker/internal';
import { arbitraryStack } from '../../support/arbitrary-stack';
import { compiled, emptySpace, inputsOf, modest, nothingTaken, poolOf, routerOf, unitOf } from './compiled';

const specs = arbitraryStack().map((stack) => modest(stack.toSpec()));

function pooled(options: Partial<PoolOptions> = {}): StackSpec {
  const stack = new Stack('shop');
  stack.pool('workers', { app: stack.app('api', { image: 'api' }), publish: 8080, ...options });
  return stack.toSpec();
}

function frontOf(spec: StackSpec): RouterSpec {
  const found = withFronts(spec).resources.find(({ name }) => name === 'workers.front');
  return found?.kind === 'router' ? found : assert.fail('the pool has no front');
}

describe('a pool that publishes a port', () => {
  it('has a front that publishes it, and a HAProxy that publishes nothing', () => {
    const desired = compiled(pooled());
    assert.deepEqual(poolOf(desired, 'workers').container.creation.ports, []);
    assert.deepEqual(routerOf(desired, 'workers.front').container.creation.ports, [
      { host: '127.0.0.1', port: 8080, containerPort: 8080 },
    ]);
  });

  it('has a HAProxy that goes on to publish its statistics, and whatever is no port for visitors', () => {
    const publish = [8080, { port: 8081, containerPort: 8404 }];
    const desired = compiled(pooled({ publish, stats: 8404 }));
    const ports = (resource: string): readonly number[] =>
      unitOf(desired, resource).container.creation.ports.map(({ port }) => port);
    assert.deepEqual([ports('workers.front'), ports('workers')], [[8080], [8081, 8404]]);
  });

  it('can have the image of its HAProxy replaced start-first, unless its statistics are published', () => {
    assert.equal(poolOf(compiled(pooled()), 'workers').publishes, false);
    assert.equal(poolOf(compiled(pooled({ stats: 8404 })), 'workers').publishes, true);
  });

  it('has a front that leads everything to the pool, and adds nothing to it', () => {
    const { routes, headers, compress, maxBodyBytes, accessLog, errorPages } = frontOf(pooled());
    assert.deepEqual({ headers, compress, maxBodyBytes, accessLog, errorPages }, unchanged);
    const [{ prefix, target, stripPrefix, buffering } = assert.fail(), ...more] = routes;
    assert.deepEqual(more, []);
    assert.deepEqual(
      { prefix, target, stripPrefix, buffering },
      { prefix: '/', target: { type: 'resource', name: 'workers' }, stripPrefix: false, buffering: true },
    );
  });

  it('waits at its front until HAProxy has given up three workers, and the wait for each', () => {
    const spec = pooled({ timeoutMs: 10_000, queue: { timeoutMs: 500 } });
    assert.ok((frontOf(spec).routes[0]?.timeoutMs ?? 0) > 3 * 10_500);
  });

  it('has a front that believes those whom the pool trusts, and else nobody', () => {
    assert.deepEqual(frontOf(pooled()).trustedProxies, []);
    assert.deepEqual(frontOf(pooled({ trustedProxies: ['192.0.2.0/24'] })).trustedProxies, ['192.0.2.0/24']);
  });

  it('tells an app the same prefix as without the port', () => {
    const routed = (publish: PoolOptions['publish'] = []): unknown => {
      const stack = new Stack('shop');
      const app = stack.app('api', { image: 'api', prefixEnv: 'PREFIX' });
      stack.router('web').route('/api/', stack.pool('workers', { app, publish }));
      return poolOf(compiled(stack.toSpec()), 'workers').worker.container.creation.env;
    };
    assert.deepEqual(routed(8080), { PREFIX: '/api' });
    assert.deepEqual(routed(8080), routed());
  });

  it('keeps no worker, slot or setting of a pool from being what it is without the port', () => {
    const [{ worker, config }, without] = [pooled(), pooled({ publish: [] })].map((spec) =>
      poolOf(compiled({ ...spec, subnet: '10.77.0.0/16' }), 'workers'),
    ) as [ReturnType<typeof poolOf>, ReturnType<typeof poolOf>];
    assert.equal(worker.container.digest, without.worker.container.digest);
    assert.equal(worker.slots.length, without.worker.slots.length);
    // Addresses may be others, and HAProxy believes its front.
    const differing = { slots: [], believed: [] };
    assert.deepEqual({ ...config.model, ...differing }, { ...without.config.model, ...differing });
  });
});

const unchanged = { headers: {}, compress: false, maxBodyBytes: 1024 ** 3, accessLog: 'off', errorPages: {} };

describe('the fronts of a stack', () => {
  it('have names that no resource can have', () => {
    fc.assert(
      fc.property(specs, (spec) => {
        const names = withFronts(spec).resources.map(({ name }) => name);
        assert.equal(new Set(names).size, names.length);
        const declared = spec.resources.map(({ name }) => name);
        for (const each of names.filter((name) => !declared.includes(name)))
          assert.match(each, /^[^.]+\.front$/);
      }),
    );
    assert.throws(() => new Stack('shop').app('workers.front', { image: 'api' }), /a name of/);
  });

  it('make containers and volumes whose names meet no others', () => {
    fc.assert(
      fc.property(specs, (spec) => {
        const { units, volumes, networks, inventory } = compiled(spec);
        const made = [
          ...units.flatMap((unit) => ('config' in unit ? [unit.config.volume.name] : [])),
          ...volumes.map(({ creation }) => creation.name),
          inventory.name,
        ];
        assert.equal(new Set(made).size, made.length);
        const resources = units.map(({ resource }) => resource);
        assert.equal(new Set(resources).size, resources.length);
        const homes = networks.map(({ creation }) => creation.name);
        assert.equal(new Set(homes).size, homes.length);
      }),
    );
  });

  it('are none where no pool publishes a port, and none of the stack is touched', () => {
    const { resources } = pooled({ publish: [], stats: 8404 });
    assert.deepEqual(withFronts(pooled({ publish: [], stats: 8404 })).resources, resources);
  });

  it('are at home where routers are, and guests of their pools alone', () => {
    fc.assert(
      fc.property(specs, (declared) => {
        const spec = withFronts(declared);
        const { homes, guests }: AddressPlan = planAddresses(spec, nothingTaken, emptySpace);
        const { units } = compileStack(spec, planAddresses(spec, nothingTaken, emptySpace), inputsOf(spec));
        for (const { resource } of units.filter(({ resource }) => resource.endsWith('.front'))) {
          const pool = resource.slice(0, -'.front'.length);
          assert.equal(homes[resource], spec.name);
          const wanted = spec.isolation === false ? [] : [homes[pool]];
          assert.deepEqual(
            (guests[resource] ?? []).map(({ network }) => network),
            wanted,
          );
        }
      }),
    );
  });
});

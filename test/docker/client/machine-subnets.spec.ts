import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { isPlumbstackError, PlumbstackError, type Stack } from '@plumbstack/core';
import type { ContainerCreation } from '@plumbstack/docker/client';
import {
  contains,
  machineSubnets,
  overlap,
  parseAddress,
  parseSubnet,
  routedSubnets,
} from '@plumbstack/docker/internal';
import {
  InMemoryEngine,
  InMemoryRuntime,
  pooledStack,
  type EngineCall,
  type InMemoryRuntimeOptions,
} from '@plumbstack/testing';

describe("the networks that an engine's machine reaches itself", () => {
  it('are in the routing table of the kernel, but for the way to everything', () => {
    const table = [
      'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT',
      'eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0',
      'tun0\t0000D00A\t00000000\t0001\t0\t0\t0\t0000F0FF\t0\t0\t0',
      'eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
      'tun0\t0100000A\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0',
      '',
    ].join('\n');
    assert.deepEqual(routedSubnets(table), ['10.208.0.0/12', '192.0.2.0/24', '10.0.0.1/32']);
    assert.deepEqual(routedSubnets(''), []);
  });

  it('hold every address of this one', async () => {
    const subnets = (await machineSubnets()).map(parseSubnet);
    const own = Object.values(networkInterfaces()).flatMap((list) =>
      (list ?? []).flatMap(({ family, address }) => (family === 'IPv4' ? [address] : [])),
    );
    assert.ok(own.length > 0);
    for (const address of own)
      assert.ok(
        subnets.some((subnet) => contains(subnet, parseAddress(address))),
        address,
      );
  });

  it("are left alone by a stack's networks", async () => {
    const runtime = new InMemoryRuntime();
    const stack = pooledStack({ name: 'demo', app: { image: 'example/api:1' } });
    // All of the pool but its end.
    for (const each of ['10.208.0.0/13', '10.216.0.0/14', '10.220.0.0/15', '10.222.0.0/16'])
      runtime.engine.addRoute(each);
    await runtime.up(stack);
    const subnets = (await runtime.engine.client.listNetworks()).flatMap((each) => each.subnets);
    assert.ok(subnets.length > 1);
    for (const each of subnets) assert.ok(overlap(parseSubnet('10.223.0.0/16'), parseSubnet(each)), each);
    // What is there stays, whatever the machine reaches later.
    runtime.engine.addRoute('10.223.0.0/16');
    assert.ok((await runtime.plan(stack)).isEmpty);
  });

  describe('of an engine elsewhere', () => {
    const routes = ['10.208.0.0/13', '10.216.0.0/14', '10.220.0.0/15', '10.222.0.0/16'];
    const elsewhere = (onCall?: InMemoryRuntimeOptions['onCall']): InMemoryRuntime => {
      const engine = new InMemoryEngine({ elsewhere: true });
      for (const each of routes) engine.addRoute(each);
      return new InMemoryRuntime({ engine, ...(onCall !== undefined && { onCall }) });
    };
    const stack = (version = '1'): Stack =>
      pooledStack({ name: 'demo', app: { image: `example/api:${version}` } });
    const left = ({ engine }: InMemoryRuntime): readonly string[] =>
      engine.objects.map(({ name }) => name).filter((name) => name === looking);
    const looking = 'demo-machine.routes';
    const makesOne = ({ method, args }: EngineCall): boolean =>
      method === 'createContainer' && (args[0] as ContainerCreation).name === looking;

    it('are looked at by a container that is gone afterwards, where networks are to be made and not else', async () => {
      let made = 0;
      const runtime = elsewhere((call, proceed) => {
        made += Number(makesOne(call));
        return proceed();
      });
      await runtime.up(stack());
      const subnets = (await runtime.engine.client.listNetworks()).flatMap((each) => each.subnets);
      assert.ok(subnets.length > 1);
      for (const each of subnets) assert.ok(overlap(parseSubnet('10.223.0.0/16'), parseSubnet(each)), each);
      assert.equal(made, 1);
      assert.deepEqual(left(runtime), []);
      assert.ok((await runtime.plan(stack())).isEmpty);
      await runtime.up(stack('2'));
      assert.equal(made, 1);
    });

    it('are not looked at by a plan, which makes nothing', async () => {
      const runtime = elsewhere();
      const before = runtime.engine.objects;
      await runtime.plan(stack());
      assert.deepEqual(runtime.engine.objects, before);
    });

    it('are not needed: an engine that lets no container look has its stack all the same', async () => {
      const refusal = new PlumbstackError('ENGINE_FAILED', 'user namespaces', { details: { status: 400 } });
      const runtime = elsewhere((call, proceed) => (makesOne(call) ? Promise.reject(refusal) : proceed()));
      assert.equal((await (await runtime.up(stack())).status()).healthy, true);
    });

    it('leave nothing behind, wherever the run is aborted; the next one finishes', async () => {
      const abortedAt = async (call: number): Promise<{ runtime: InMemoryRuntime; calls: number }> => {
        const abort = new AbortController();
        let calls = 0;
        const runtime = elsewhere((_, proceed) => {
          if (++calls === call) abort.abort();
          return proceed();
        });
        await runtime.up(stack(), { signal: abort.signal }).catch((error: unknown) => {
          if (!abort.signal.aborted) throw error;
        });
        return { runtime, calls };
      };
      const { calls } = await abortedAt(0);
      for (let call = 1; call <= calls; call++) {
        const { runtime } = await abortedAt(call);
        await runtime.up(stack());
        assert.deepEqual(left(runtime), [], `call ${call}`);
        assert.ok((await runtime.plan(stack())).isEmpty, `call ${call}`);
      }
    });
  });

  it('are told of where they leave no room', async () => {
    const runtime = new InMemoryRuntime();
    runtime.engine.addRoute('10.0.0.0/8');
    const up = runtime.up(pooledStack({ name: 'demo', app: { image: 'example/api:1' } }));
    await assert.rejects(
      up,
      (error) =>
        isPlumbstackError(error, 'ADDRESS_POOL_EXHAUSTED') && /another pool.*VPN/.test(error.hint ?? ''),
    );
  });
});

import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { isPlumbstackError } from '@plumbstack/core';
import {
  contains,
  machineSubnets,
  overlap,
  parseAddress,
  parseSubnet,
  routedSubnets,
} from '@plumbstack/docker/internal';
import { InMemoryRuntime, pooledStack } from '@plumbstack/testing';

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

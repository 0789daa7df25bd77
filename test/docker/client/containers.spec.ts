import assert from 'node:assert/strict';
import { isPlumbstackError } from '@plumbstack/core';
import { engineStatus } from '@plumbstack/docker/client';
import { docker } from '../../support/docker-cli';
import { anySubnet, hostOf } from '../../support/free-subnet';
import { eventually, image, label, Objects } from './objects';

interface HostLimits {
  readonly Memory: number;
  readonly MemorySwap: number;
  readonly NanoCpus: number;
  readonly PidsLimit: number | null;
  readonly RestartPolicy: { readonly Name: string };
}

describe('containers', () => {
  it('are listed in any state, with their networks and ports, by label', async () => {
    const subnet = anySubnet();
    await using objects = await Objects.create();
    const network = await objects.network('net', subnet);
    const ports = [{ host: '127.0.0.1', port: 39831, containerPort: 80 }];
    const web = await objects.running('web', {
      ports,
      networks: { [network]: { address: hostOf(subnet, 9), aliases: [] } },
    });
    await objects.container('idle');
    const all = await objects.client.listContainers(objects.label);
    assert.deepEqual(all.map(({ name, state }) => [name, state]).sort(), [
      [objects.name('idle'), 'created'],
      [objects.name('web'), 'running'],
    ]);
    const found = all.find(({ id }) => id === web);
    assert.equal(found?.networks[network]?.address, hostOf(subnet, 9));
    assert.deepEqual(found?.ports, ports);
    assert.equal(found?.labels[label], objects.run);
    assert.ok((await objects.client.listContainers(label)).length >= 2);
    assert.deepEqual(await objects.client.listContainers(`${label}=nobody`), []);
  });

  it('are nothing, or nothing to do, where there is none', async () => {
    await using objects = await Objects.create();
    const { client } = objects;
    assert.equal(await client.inspectContainer('cl-none'), undefined);
    assert.equal(await client.inspectImage('cl-none:1'), undefined);
    assert.equal(await client.inspectVolume('cl-none'), undefined);
    assert.equal(await client.readFiles('cl-none', '/'), undefined);
    await client.removeContainer('cl-none');
    await client.stopContainer('cl-none', 0);
    await client.removeNetwork('cl-none');
    await client.removeVolume('cl-none');
    await client.removeImage('cl-none:1');
    await assert.rejects(client.startContainer('cl-none'), (error) => isPlumbstackError(error, 'NOT_FOUND'));
  });

  it('start, stop, restart, pause, change their name and go, each twice without harm', async () => {
    await using objects = await Objects.create();
    const { client } = objects;
    const id = await objects.shell('life', 'sleep 600');
    await client.startContainer(id);
    await client.restartContainer(id, 0);
    assert.equal((await client.inspectContainer(id))?.running, true);
    await docker('pause', id);
    await client.unpauseContainer(id);
    await client.renameContainer(id, objects.name('other'));
    await client.stopContainer(id, 0);
    await client.stopContainer(id, 0);
    const stopped = await client.inspectContainer(id);
    assert.deepEqual([stopped?.name, stopped?.state], [objects.name('other'), 'exited']);
    assert.ok((stopped?.exitCode ?? 0) > 128, 'ended by a signal');
    await client.removeContainer(id);
    await client.removeContainer(id);
    assert.equal(await client.inspectContainer(id), undefined);
  });

  it('show their image by its name where that name means it, and by its id where it means another', async () => {
    await using objects = await Objects.create();
    const id = (await objects.client.inspectImage(image))?.id ?? assert.fail(`no ${image}`);
    const own = objects.imageName('own');
    await objects.client.tagImage(image, own);
    const named = await objects.container('named', { image: id, imageName: own });
    assert.deepEqual(await shown(named), [own, id]);
    await objects.client.tagImage('haproxy:3.2', own);
    const moved = await objects.container('moved', { image: id, imageName: own });
    assert.deepEqual(await shown(moved), [id, id]);
    const gone = await objects.container('gone', { image: id, imageName: `${own}-gone` });
    assert.deepEqual(await shown(gone), [id, id]);

    async function shown(container: string): Promise<readonly unknown[]> {
      const details = await objects.client.inspectContainer(container);
      return [details?.image, details?.imageId];
    }
  });

  it('get their stop signal and their grace before they are killed', async () => {
    await using objects = await Objects.create();
    const id = await objects.shell(
      'grace',
      'trap "sleep 0.3; exit 5" TERM; echo ready; while :; do sleep 0.05; done',
      {
        init: false,
        stopSignal: 'SIGTERM',
      },
    );
    for await (const { text } of objects.client.logs(id, { follow: true })) if (text === 'ready') break;
    await objects.client.stopContainer(id, 5000);
    assert.equal((await objects.client.inspectContainer(id))?.exitCode, 5);
  });

  it('may be removed by two at once', async () => {
    await using objects = await Objects.create();
    const id = await objects.shell('twice', 'sleep 600');
    await Promise.all([1, 2, 3].map(() => objects.client.removeContainer(id)));
    assert.equal(await objects.client.inspectContainer(id), undefined);
  });

  it('with a log that the engine cannot keep are refused with what to do', async () => {
    await using objects = await Objects.create();
    for (const [logging, hint] of [
      [{ driver: 'nope' }, /`docker info` lists/],
      [{ driver: 'json-file', options: { nope: 'x' } }, /leave the option out/],
    ] as const)
      await assert.rejects(
        objects.shell('log', 'sleep 600', { logging }),
        (error) => isPlumbstackError(error, 'INVALID_OPTION') && hint.test(error.hint ?? ''),
      );
  });

  it('change limits and restart policy while they run', async () => {
    await using objects = await Objects.create();
    const id = await objects.shell('limits', 'sleep 600', { limits: { memoryBytes: 50e6, pids: 20 } });
    await objects.client.updateContainer(id, {
      limits: { memoryBytes: 100e6, cpus: 1.5 },
      restart: 'unless-stopped',
    });
    const [found] = JSON.parse(await docker('inspect', id)) as { readonly HostConfig: HostLimits }[];
    assert.ok(found);
    const { HostConfig: host } = found;
    assert.deepEqual([host.Memory, host.MemorySwap, host.NanoCpus], [100e6, 100e6, 1.5e9]);
    assert.ok(!host.PidsLimit, 'a limit of processes can be taken away');
    assert.equal(host.RestartPolicy.Name, 'unless-stopped');
  });

  it('tell their health, its last output and their exit', async () => {
    await using objects = await Objects.create();
    const healthcheck = {
      command: ['sh', '-c', 'echo bad; exit 1'],
      intervalMs: 100,
      timeoutMs: 1000,
      startPeriodMs: 0,
      retries: 1,
    };
    const id = await objects.shell('ill', 'sleep 600', { healthcheck });
    await eventually(async () => (await objects.client.inspectContainer(id))?.health === 'unhealthy');
    assert.equal((await objects.client.inspectContainer(id))?.healthOutput.at(-1), 'bad');
    const gone = await objects.shell('gone', 'exit 7');
    await eventually(async () => (await objects.client.inspectContainer(gone))?.state === 'exited');
    assert.equal((await objects.client.inspectContainer(gone))?.exitCode, 7);
  });

  it('take a name with odd characters as a name, not as a path', async () => {
    await using objects = await Objects.create();
    await assert.rejects(objects.client.inspectContainer('../version?x='), (error) =>
      isPlumbstackError(error, 'ENGINE_FAILED'),
    );
    assert.equal(await objects.client.inspectContainer('no?such#one'), undefined);
  });
});

describe('networks and volumes', () => {
  it('are made with their addresses and labels, listed, connected and removed', async () => {
    const subnet = anySubnet();
    await using objects = await Objects.create();
    const { client } = objects;
    const name = await objects.network('net', subnet);
    const found = (await client.listNetworks()).find((each) => each.name === name);
    assert.deepEqual([found?.subnets, found?.labels[label]], [[subnet], objects.run]);
    const id = await objects.shell('late', 'sleep 600');
    await assert.rejects(
      client.connectNetwork('cl-no-net', id, { aliases: [] }),
      (error) => engineStatus(error) === 404,
    );
    const other = await objects.shell('early', 'sleep 600', {
      networks: { [await objects.network('two')]: { aliases: [] } },
    });
    await client.connectNetwork(name, other, { address: hostOf(subnet, 7), aliases: ['alias'] });
    const { networks } = (await client.inspectContainer(other)) ?? {};
    assert.equal(networks?.[name]?.address, hostOf(subnet, 7));
    await assert.rejects(client.removeNetwork(name), (error) => engineStatus(error) === 403);
  });

  it('takes addresses for those who ask for none from the dynamic range', async () => {
    await using objects = await Objects.create();
    const name = await objects.network('net');
    const id = await objects.shell('any', 'sleep 600', { networks: { [name]: { aliases: [] } } });
    const address = (await objects.client.inspectContainer(id))?.networks[name]?.address ?? '';
    assert.ok(Number(address.split('.')[3]) >= 128, address);
  });

  it('lists volumes by label', async () => {
    await using objects = await Objects.create();
    const name = await objects.volume('data');
    assert.deepEqual(await objects.client.listVolumes(objects.label), [
      { name, labels: { [label]: objects.run } },
    ]);
    assert.equal((await objects.client.inspectVolume(name))?.name, name);
  });

  it('lists volumes that no container has, running or not', async () => {
    await using objects = await Objects.create();
    const [used, unused] = [await objects.volume('used'), await objects.volume('unused')];
    await objects.container('user', {
      mounts: [{ type: 'volume', name: used, target: '/used', readOnly: false }],
    });
    const found = await objects.client.listVolumes(objects.label, { unused: true });
    assert.deepEqual(
      found.map(({ name }) => name),
      [unused],
    );
  });
});

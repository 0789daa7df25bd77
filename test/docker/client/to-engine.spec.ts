import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toEngineContainer, type ContainerCreation } from '@plumbstack/docker/client';
import { docker } from '../../support/docker-cli';
import { anySubnet, hostOf } from '../../support/free-subnet';
import { label, Objects } from './objects';

/** What the plain `docker` program sees of a container. */
async function inspect(name: string): Promise<Inspected> {
  const [found] = JSON.parse(await docker('inspect', name)) as Inspected[];
  assert.ok(found);
  return found;
}

interface Inspected {
  readonly Config: Readonly<Record<string, unknown>> & { readonly Env: readonly string[] };
  readonly HostConfig: Readonly<Record<string, unknown>> & {
    readonly RestartPolicy: { readonly Name: string };
  };
  readonly NetworkSettings: {
    readonly Networks: Readonly<
      Record<string, { readonly IPAddress: string; readonly Aliases: readonly string[] }>
    >;
  };
  readonly Mounts: readonly {
    readonly Destination: string;
    readonly Source: string;
    readonly Name?: string;
    readonly RW: boolean;
  }[];
}

const everything: Omit<ContainerCreation, 'name' | 'image' | 'labels' | 'mounts' | 'networks'> = {
  entrypoint: ['/bin/sleep'],
  command: ['600'],
  env: { A: 'b=c', EMPTY: '' },
  user: '101:101',
  workingDir: '/tmp',
  hostname: 'inner',
  stopSignal: 'SIGTERM',
  stopGraceMs: 1500,
  healthcheck: { command: ['true'], intervalMs: 1500, timeoutMs: 2000, startPeriodMs: 500, retries: 4 },
  ports: [
    { host: '127.0.0.1', port: 39821, containerPort: 8000 },
    { host: '127.0.0.1', port: 0, containerPort: 9000 },
  ],
  restart: 'on-failure',
  init: true,
  readOnlyRoot: true,
  capAdd: ['NET_ADMIN'],
  capDrop: ['ALL'],
  securityOptions: ['no-new-privileges'],
  extraHosts: { db: '10.0.0.7' },
  limits: { memoryBytes: 67_108_864, cpus: 0.5, cpuShares: 2048, pids: 64 },
};

describe('the log of a container', () => {
  const logOf = (logging: ContainerCreation['logging'], loggingDriver?: string): unknown =>
    toEngineContainer(
      {
        ...everything,
        name: 'x',
        image: 'x',
        labels: {},
        mounts: [],
        networks: {},
        ...(logging !== undefined && { logging }),
      },
      { apiVersion: '1.51', ...(loggingDriver !== undefined && { loggingDriver }) },
    ).body.HostConfig?.LogConfig;
  const size = { 'max-size': '10485760', 'max-file': '3' };

  it('has an end by default where the engine’s own driver can be told so, and is left alone else', () => {
    assert.deepEqual(logOf(undefined, 'json-file'), { Type: 'json-file', Config: size });
    assert.deepEqual(logOf(undefined, 'local'), { Type: 'local', Config: size });
    for (const driver of ['journald', 'syslog', 'none', '', undefined])
      assert.equal(logOf(undefined, driver), undefined, driver);
  });

  it('is as it was asked for', () => {
    assert.deepEqual(logOf({ maxFiles: 2, options: { tag: 'x' } }, 'json-file'), {
      Type: 'json-file',
      Config: { ...size, 'max-file': '2', tag: 'x' },
    });
    assert.deepEqual(logOf({ driver: 'local', maxSizeBytes: 1024 }, 'journald'), {
      Type: 'local',
      Config: { ...size, 'max-size': '1024' },
    });
    assert.deepEqual(logOf({ driver: 'none' }, 'json-file'), { Type: 'none', Config: {} });
    assert.deepEqual(logOf({ driver: 'journald', options: { tag: 'x' } }, 'json-file'), {
      Type: 'journald',
      Config: { tag: 'x' },
    });
  });
});

it('a share of the processors is asked of Docker, and not of Podman, which may have none to give', () => {
  const shared = { ...everything, name: 'x', image: 'x', labels: {}, mounts: [], networks: {} };
  const limitsOf = (isPodman: boolean): unknown => {
    const { HostConfig } = toEngineContainer(shared, { apiVersion: '1.41', isPodman }).body;
    return [HostConfig?.CpuShares, HostConfig?.PidsLimit];
  };
  assert.deepEqual(limitsOf(false), [2048, 64]);
  assert.deepEqual(limitsOf(true), [undefined, 64]);
});

describe('a container in the engine’s shape', () => {
  it('has every field at its place, as the engine shows it', async () => {
    const subnet = anySubnet();
    await using objects = await Objects.create();
    const folder = await mkdtemp(join(tmpdir(), 'cl-bind-'));
    const volume = await objects.volume('data');
    const id = await objects.running('all', {
      ...everything,
      mounts: [
        { type: 'bind', source: folder, target: '/bind', readOnly: true },
        { type: 'volume', name: volume, target: '/data', readOnly: false },
        { type: 'volume', target: '/anonymous', readOnly: false, labels: { [label]: objects.run } },
        { type: 'tmpfs', target: '/scratch', sizeBytes: 1_048_576, mode: 0o700 },
      ],
      networks: {
        [await objects.network('one', subnet)]: { address: hostOf(subnet, 5), aliases: ['first'] },
        [await objects.network('two')]: { aliases: ['second'] },
      },
    });
    const { Config: config, HostConfig: host, NetworkSettings: network, Mounts: mounts } = await inspect(id);
    assert.deepEqual([config.Entrypoint, config.Cmd], [['/bin/sleep'], ['600']]);
    assert.ok(config.Env.includes('A=b=c') && config.Env.includes('EMPTY='));
    assert.deepEqual(
      [config.User, config.WorkingDir, config.Hostname, config.StopSignal, config.StopTimeout],
      ['101:101', '/tmp', 'inner', 'SIGTERM', 2],
    );
    assert.deepEqual(config.Healthcheck, {
      Test: ['CMD', 'true'],
      Interval: 1_500_000_000,
      Timeout: 2_000_000_000,
      StartPeriod: 500_000_000,
      StartInterval: 1_000_000_000,
      Retries: 4,
    });
    assert.deepEqual(host.PortBindings, {
      '8000/tcp': [{ HostIp: '127.0.0.1', HostPort: '39821' }],
      '9000/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }],
    });
    assert.equal(host.RestartPolicy.Name, 'on-failure');
    assert.deepEqual([host.Init, host.ReadonlyRootfs], [true, true]);
    assert.deepEqual([host.CapAdd, host.CapDrop], [['NET_ADMIN'], ['ALL']]);
    assert.deepEqual([host.SecurityOpt, host.ExtraHosts], [['no-new-privileges'], ['db:10.0.0.7']]);
    assert.deepEqual(
      [host.Memory, host.MemorySwap, host.NanoCpus, host.CpuShares, host.PidsLimit],
      [67_108_864, 67_108_864, 5e8, 2048, 64],
    );
    const byTarget = Object.fromEntries(mounts.map((each) => [each.Destination, each]));
    assert.deepEqual([byTarget['/bind']?.Source, byTarget['/bind']?.RW], [folder, false]);
    assert.deepEqual([byTarget['/data']?.Name, byTarget['/data']?.RW], [volume, true]);
    const anonymous = byTarget['/anonymous']?.Name ?? '';
    assert.match(anonymous, /^[0-9a-f]{64}$/);
    assert.equal((await objects.client.inspectVolume(anonymous))?.labels[label], objects.run);
    const { stdout } = await objects.client.exec(id, [
      'sh',
      '-c',
      'grep " /scratch " /proc/mounts; stat -c %a /scratch',
    ]);
    assert.match(stdout, /size=1024k[^]*\n700\n$/);
    const [one, two] = [network.Networks[objects.name('one')], network.Networks[objects.name('two')]];
    assert.deepEqual([one?.IPAddress, one?.Aliases], [hostOf(subnet, 5), ['first']]);
    assert.deepEqual(two?.Aliases, ['second']);
    await rm(folder, { recursive: true });
  });

  it('reads back as it was asked for', async () => {
    await using objects = await Objects.create();
    const id = await objects.container('back', {
      ...everything,
      networks: { [await objects.network('net')]: { aliases: [] } },
    });
    const details = await objects.client.inspectContainer(id);
    assert.deepEqual(details?.portBindings, everything.ports);
    assert.deepEqual([details?.user, details?.running, details?.state], ['101:101', false, 'created']);
    const [summary] = await objects.client.listContainers(objects.label);
    const { id: sameId, name, state, labels } = details ?? {};
    assert.deepEqual(
      [summary?.id, summary?.name, summary?.state, summary?.labels],
      [sameId, name, state, labels],
    );
  });

  it('is published at every address of IPv4 in the words of its engine', async () => {
    await using objects = await Objects.create();
    const published = objects.creation('x', {
      ports: [
        { host: '0.0.0.0', port: 80, containerPort: 8080 },
        { host: '127.0.0.1', port: 81, containerPort: 8080 },
      ],
    });
    const bindings = (isPodman: boolean): string =>
      JSON.stringify(
        toEngineContainer(published, { apiVersion: '1.51', isPodman }).body.HostConfig?.PortBindings,
      );
    assert.match(bindings(false), /"HostIp":"0.0.0.0","HostPort":"80".*"HostIp":"127.0.0.1","HostPort":"81"/);
    assert.match(bindings(true), /"HostIp":"","HostPort":"80".*"HostIp":"127.0.0.1","HostPort":"81"/);
  });

  it('gets its other networks after it is made where the engine takes one', async () => {
    const [firstSubnet, secondSubnet] = [anySubnet(), anySubnet()];
    const creation = { networks: { a: { aliases: [] }, b: { address: '10.0.0.2', aliases: ['x'] } } };
    await using objects = await Objects.create({ apiVersion: '1.41' });
    const { body, later } = toEngineContainer(objects.creation('x', creation), { apiVersion: '1.41' });
    assert.deepEqual(Object.keys(body.NetworkingConfig?.EndpointsConfig ?? {}), ['a']);
    assert.deepEqual(later, [['b', { address: '10.0.0.2', aliases: ['x'] }]]);
    assert.deepEqual(toEngineContainer(objects.creation('x', creation), { apiVersion: '1.44' }).later, []);

    const networks = {
      [await objects.network('one', firstSubnet)]: { address: hostOf(firstSubnet, 5), aliases: [] },
      [await objects.network('two', secondSubnet)]: { address: hostOf(secondSubnet, 6), aliases: ['second'] },
    };
    const id = await objects.running('both', { networks });
    const details = await objects.client.inspectContainer(id);
    assert.deepEqual(
      Object.values(details?.networks ?? {}).map(({ address }) => address),
      [hostOf(firstSubnet, 5), hostOf(secondSubnet, 6)],
    );
  });

  it('leaves nothing behind when one of those networks cannot be connected', async () => {
    await using objects = await Objects.create({ apiVersion: '1.41' });
    const networks = {
      [await objects.network('one')]: { aliases: [] },
      [await objects.network('two')]: { address: '10.99.99.99', aliases: [] },
    };
    await assert.rejects(objects.container('half', { networks }));
    assert.deepEqual(await objects.client.listContainers(objects.label), []);
  });

  it('has no network at all without networks, and no health check with an empty command', async () => {
    await using objects = await Objects.create();
    const healthcheck = { command: [], intervalMs: 1, timeoutMs: 1, startPeriodMs: 0, retries: 1 };
    const { HostConfig: host, Config: config } = await inspect(
      await objects.container('bare', { healthcheck }),
    );
    assert.equal(host.NetworkMode, 'none');
    assert.deepEqual(config.Healthcheck, { Test: ['NONE'] });
  });

  it('keeps its environment out of the request’s address', async () => {
    await using objects = await Objects.create();
    // Node and the engine refuse an address far shorter than this.
    const id = await objects.container('long', { env: { LONG: 'x'.repeat(2_000_000) } });
    assert.equal((await objects.client.inspectContainer(id))?.state, 'created');
  });
});

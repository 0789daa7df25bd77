import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { docker } from './docker-cli';

/** What there is of a stack, without what may differ between two runs of one program: ids, addresses, worker numbers, times. */
export interface SettledState {
  readonly containers: readonly SettledContainer[];
  readonly networks: readonly unknown[];
  readonly volumes: readonly unknown[];
  /** Content of the proxies' configuration volumes, by proxy and path. */
  readonly configs: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface SettledContainer {
  readonly name: string;
  readonly role: string;
  readonly state: string;
  readonly [fact: string]: unknown;
}

interface Inspected {
  readonly Id: string;
  readonly Name: string;
  readonly Image: string;
  readonly State: { readonly Status: string };
  readonly Config: {
    readonly Labels: Readonly<Record<string, string>>;
    readonly Env: readonly string[] | null;
    readonly Hostname: string;
    readonly User: string;
  };
  readonly HostConfig: {
    readonly RestartPolicy: { readonly Name: string };
    readonly Memory: number;
    readonly NanoCpus: number;
  };
  readonly Mounts: readonly {
    readonly Type: string;
    readonly Name?: string;
    readonly Destination: string;
    readonly RW: boolean;
  }[];
  readonly NetworkSettings: {
    readonly Networks: Readonly<
      Record<
        string,
        { readonly IPAddress: string; readonly Aliases: readonly string[] | null; readonly NetworkID: string }
      >
    >;
  };
}

interface InspectedNetwork {
  readonly Id: string;
  readonly Name: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly IPAM: { readonly Config: readonly { readonly Subnet: string; readonly IPRange?: string }[] };
}

const prefix = 'io.plumbstack.';

/** Fails with one line for each fact that differs. */
export function assertSameState(actual: SettledState, expected: SettledState): void {
  assert.deepEqual(differing(actual, expected, ''), []);
}

/**
 * The state but for the versions that each pool had before, which it remembers for a rollback, and for when each came: that
 * depends on the order of runs.
 */
export function withoutHistory(state: SettledState): SettledState {
  const configs = Object.entries(state.configs).map(([container, { 'record.json': record, ...files }]) => {
    if (record === undefined) return [container, files] as const;
    const { versions: _, arrival: __, ...rest } = JSON.parse(record) as Record<string, unknown>;
    return [container, { ...files, 'record.json': JSON.stringify(rest) }] as const;
  });
  return { ...state, configs: Object.fromEntries(configs) };
}

/** A file of a proxy would fill a screen. */
function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 500);
}

function differing(actual: unknown, expected: unknown, path: string): readonly string[] {
  const isData = (value: unknown): value is object => typeof value === 'object' && value !== null;
  if (!isData(actual) || !isData(expected)) {
    return actual === expected ? [] : [`${path}: ${shown(actual)} instead of ${shown(expected)}`];
  }
  const [left, right] = [byName(actual), byName(expected)];
  const keys = [...new Set([...Object.keys(left), ...Object.keys(right)])];
  return keys.flatMap((key) => differing(left[key], right[key], `${path}/${key}`));
}

/** Containers by their names rather than by their places in a list. */
function byName(value: object): Readonly<Record<string, unknown>> {
  const entries = Object.entries(value).map(([key, each]: [string, unknown], index) => {
    const name =
      typeof each === 'object' && each !== null && 'name' in each ? `${String(each.name)}` : undefined;
    return [name === undefined || !Array.isArray(value) ? key : name, each, index] as const;
  });
  const seen = new Map<string, number>();
  return Object.fromEntries(
    entries.map(([key, each]) => {
      const count = (seen.get(key) ?? 0) + 1;
      seen.set(key, count);
      return [count === 1 ? key : `${key} #${count}`, each] as const;
    }),
  );
}

/** Looks with the `docker` program alone. */
export async function settledState(stack: string): Promise<SettledState> {
  const filter = ['--filter', `label=${prefix}stack=${stack}`];
  const [containers, networks, volumes] = await Promise.all([
    list(docker('ps', '--all', '--quiet', '--no-trunc', ...filter)).then((ids) =>
      inspect<Inspected>('container', ids),
    ),
    list(docker('network', 'ls', '--quiet', '--no-trunc', ...filter)).then((ids) =>
      inspect<InspectedNetwork>('network', ids),
    ),
    list(docker('volume', 'ls', '--quiet', ...filter)).then((ids) =>
      inspect<{ Name: string; Labels: object }>('volume', ids),
    ),
  ]);
  const proxies = containers.filter(({ Config: { Labels } }) =>
    ['router', 'balancer'].includes(Labels[`${prefix}role`] ?? ''),
  );
  const configs = await Promise.all(
    proxies.map(async ({ Id, Name }) => [normal(stack, Name.slice(1)), await configOf(stack, Id)] as const),
  );
  const key = (value: unknown): string => JSON.stringify(value);
  return {
    containers: containers
      .map((each) => settledContainer(stack, each, networks))
      .sort((a, b) => (key(a) < key(b) ? -1 : 1)),
    networks: networks.map(({ Name, Labels, IPAM }) => [
      normal(stack, Name),
      normalized(stack, Labels),
      IPAM.Config.map(({ Subnet, IPRange }) => [Subnet.split('/')[1], IPRange?.split('/')[1]]),
    ]),
    volumes: volumes.map(({ Name, Labels }) => [normal(stack, Name), normalized(stack, Labels)]).sort(),
    configs: Object.fromEntries(configs),
  };
}

function settledContainer(
  stack: string,
  container: Inspected,
  networks: readonly InspectedNetwork[],
): SettledContainer {
  const { Config, HostConfig, Mounts, NetworkSettings } = container;
  const { Labels } = Config;
  const role = Labels[`${prefix}role`] ?? '';
  const unnumbered = (text: string): string => (role === 'worker' ? text.replace(/-\d+$/, '-N') : text);
  return {
    name: unnumbered(normal(stack, container.Name.slice(1))),
    role,
    state: container.State.Status,
    resource: Labels[`${prefix}resource`],
    // The empty image is the whole engine's, and made anew wherever it is missing.
    image: role === 'secret' ? '' : container.Image,
    identity: normalized(stack, JSON.parse(Labels[`${prefix}identity`] ?? '{}')),
    hostname: role === 'secret' ? '' : unnumbered(Config.Hostname),
    user: Config.User,
    env: (Config.Env ?? []).map((each) => normal(stack, each)),
    restart: HostConfig.RestartPolicy.Name,
    limits: [HostConfig.Memory, HostConfig.NanoCpus],
    mounts: Mounts.map(({ Type, Name, Destination, RW }) => [
      Type,
      normal(stack, Name ?? ''),
      Destination,
      RW,
    ]).sort(),
    networks: Object.entries(NetworkSettings.Networks).map(([name, { IPAddress, Aliases, NetworkID }]) => ({
      network: normal(stack, name),
      // A container of an older network of the same name is in none.
      attached: container.State.Status !== 'running' || networks.some(({ Id }) => Id === NetworkID),
      addressAsLabelled: container.State.Status !== 'running' || IPAddress === Labels[`${prefix}address`],
      aliases: (Aliases ?? [])
        .filter((each) => !container.Id.startsWith(each))
        .map(unnumbered)
        .sort(),
    })),
  };
}

async function configOf(stack: string, container: string): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'ft-config-'));
  try {
    await docker('cp', `${container}:/etc/plumbstack`, folder);
    const root = join(folder, 'plumbstack');
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((each) => each.isFile())
      .map((each) => join(each.parentPath, each.name))
      // Where a configuration waits for its check; what is left there is never read.
      .filter((path) => !relative(root, path).startsWith('next/'))
      .sort();
    const contents = files.map(
      async (path) => [relative(root, path), normal(stack, await readFile(path, 'utf8'))] as const,
    );
    return Object.fromEntries(await Promise.all(contents));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A digest, a secret's fingerprint and a revision depend on the stack's name, its ports and its addresses; a time on the run. */
function normal(stack: string, text: string): string {
  return text
    .replaceAll(stack, '{stack}')
    .replaceAll(/\b\d{1,3}(?:\.\d{1,3}){3}\b/g, '{address}')
    .replaceAll(/\b[0-9a-f]{12,64}\b/g, '{hash}')
    .replaceAll(/"port":[1-9]\d{4}\b/g, '"port":"{port}"')
    .replaceAll(/"at":"[0-9TZ:.-]+"/g, '"at":"{time}"');
}

function normalized(stack: string, value: unknown): unknown {
  const text = JSON.stringify(value);
  return text === undefined ? undefined : JSON.parse(normal(stack, text));
}

async function list(output: Promise<string>): Promise<readonly string[]> {
  return (await output).split('\n').filter((line) => line !== '');
}

/** What is gone between the listing and this is not there. */
async function inspect<T>(kind: string, ids: readonly string[]): Promise<readonly T[]> {
  return ids.length === 0 ? [] : (JSON.parse(await docker(kind, 'inspect', ...ids)) as T[]);
}

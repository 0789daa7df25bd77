import { engineStatus } from '../client/docker-failure.js';
import type { Unit } from '../compile/docker-spec.js';
import type { ObservedContainer } from '../plan/observed-state.js';
import { pollUntil } from './deadline.js';
import type { RunContext } from './run-context.js';
import { vantagesOf } from './switch-routers.js';

/** How long what leaves may take to finish what it has, where what stays is there already. */
export function drainTimeoutOf(unit: Unit): number {
  switch (unit.kind) {
    case 'app':
      return unit.drainTimeoutMs;
    case 'pool':
      return unit.spec.drainTimeoutMs;
    default:
      // These go before their successors come, and have their grace.
      return 0;
  }
}

/**
 * Waits until a container has no established connection on its port, but not longer than it may take. A reloaded nginx
 * closes its idle ones when its old processes end, or when they were idle for a second.
 */
export async function drainConnections(
  context: RunContext,
  container: ObservedContainer,
  port: number,
  timeoutMs: number,
): Promise<void> {
  if (container.state !== 'running') return;
  const isDrained = async (): Promise<true | undefined> =>
    (await openConnections(context, container, port)) === 0 ? true : undefined;
  await pollUntil(isDrained, {
    ...{ signal: context.signal, timeoutMs, intervalMs: 50 },
    waitedFor: () => `the connections of ${container.name}, which leaves, to end`,
  });
}

/** Where an image has no `cat`, those of the routers alone can be counted. */
async function openConnections(
  context: RunContext,
  { id, resource, address }: ObservedContainer,
  port: number,
): Promise<number> {
  const own = await tableOf(context, id);
  if (own === 'gone') return 0;
  if (own !== undefined) return countEstablished(own, port);
  if (address === undefined) return 0;
  const tables = await Promise.all(vantagesOf(context, resource).map((each) => tableOf(context, each)));
  return tables.reduce((sum, table) => sum + countEstablishedTo(table ?? '', address, port), 0);
}

/** What the kernel lists in a container; nothing where the image cannot tell. */
async function tableOf({ client, call }: RunContext, id: string): Promise<string | 'gone' | undefined> {
  try {
    const { exitCode, stdout } = await client.exec(id, ['cat', '/proc/net/tcp', '/proc/net/tcp6'], call);
    // Where there is no IPv6, half of it is not there.
    return exitCode > 1 ? undefined : stdout;
  } catch (error) {
    // It ended by itself: nothing is left to wait for.
    const status = engineStatus(error);
    if (status === 404 || status === 409) return 'gone';
    throw error;
  }
}

/** Columns of /proc/net/tcp: proc(5). State 01 is ESTABLISHED. */
export function countEstablished(table: string, port: number): number {
  return established(table).filter(({ local }) => local.endsWith(suffixOf(port))).length;
}

/** Connections to another container. The kernel writes an address as a number of its own byte order. */
export function countEstablishedTo(table: string, address: string, port: number): number {
  const bytes = address.split('.').map((each) => hex(Number(each), 2));
  const written = [bytes, [...bytes].reverse()].map((each) => each.join('') + suffixOf(port));
  return established(table).filter(({ remote }) => written.some((each) => remote.endsWith(each))).length;
}

function established(table: string): readonly { readonly local: string; readonly remote: string }[] {
  return table.split('\n').flatMap((line) => {
    const [, local, remote, state] = line.trim().split(/\s+/);
    return local === undefined || remote === undefined || state !== '01' ? [] : [{ local, remote }];
  });
}

function suffixOf(port: number): string {
  return `:${hex(port, 4)}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}

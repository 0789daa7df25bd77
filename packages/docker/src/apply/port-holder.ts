import { readdir, readFile, readlink } from 'node:fs/promises';
import { PlumbstackError } from '@plumbstack/core';
import type { PublishedPort } from '../client/docker-client.js';
import { declaredPathOf, type RunContext } from './run-context.js';

/** Says which port is taken, and by whom: another container, or a process of this machine where that can be seen. */
export async function explainPort(
  context: RunContext,
  resource: string,
  id: string,
  cause: PlumbstackError,
): Promise<PlumbstackError> {
  const { client, call } = context;
  const wanted = (await client.inspectContainer(id, call))?.portBindings ?? [];
  const containers = await client.listContainers(undefined, call);
  for (const binding of wanted) {
    const container = containers.find(
      (each) => each.id !== id && each.ports.some((port) => clash(port, binding)),
    );
    // Of another machine's processes this one's list says nothing.
    const isHere = context.reach() === 'direct';
    const holder =
      container !== undefined
        ? `the container ${container.name}`
        : isHere
          ? await processOn(binding.port)
          : undefined;
    if (holder !== undefined) return taken(context, resource, binding, holder, cause);
  }
  const [first] = wanted;
  return first === undefined ? cause : taken(context, resource, first, undefined, cause);
}

function clash(a: PublishedPort, b: PublishedPort): boolean {
  const every = ['0.0.0.0', '::', ''];
  return a.port === b.port && (a.host === b.host || every.includes(a.host) || every.includes(b.host));
}

function taken(
  context: RunContext,
  resource: string,
  { host, port }: PublishedPort,
  holder: string | undefined,
  cause: PlumbstackError,
): PlumbstackError {
  const by = holder === undefined ? 'something on this machine' : holder;
  return new PlumbstackError('PORT_IN_USE', `port ${port} on ${host} is taken by ${by}.`, {
    resource: declaredPathOf(context, resource),
    details: { host, port, ...(holder !== undefined && { holder }) },
    hint: 'Free it, or publish another port; publish: 0 takes any free one.',
    cause,
  });
}

/** The process that listens on a port of this machine, as far as /proc shows it to us. */
async function processOn(port: number): Promise<string | undefined> {
  const inode = await listeningInode(port);
  if (inode === undefined) return undefined;
  for (const pid of (await list('/proc')).filter((each) => /^\d+$/.test(each))) {
    for (const fd of await list(`/proc/${pid}/fd`)) {
      const link = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
      if (link !== `socket:[${inode}]`) continue;
      const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
      return `the process ${pid} (${name.trim()})`;
    }
  }
  return undefined;
}

/** Columns of /proc/net/tcp: proc(5). State 0A is LISTEN. */
async function listeningInode(port: number): Promise<string | undefined> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const text = await readFile(file, 'utf8').catch(() => '');
    for (const line of text.split('\n').slice(1)) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      if (state === '0A' && local?.endsWith(suffix) === true) return inode;
    }
  }
  return undefined;
}

async function list(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}

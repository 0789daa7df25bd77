import assert from 'node:assert/strict';
import { docker } from './docker-cli';

/** Names of the stacks that tests of this process have made. */
export const madeStacks = new Set<string>();

/** What stands in {@link leftovers} for a volume whose name means nothing. */
export const anonymousVolume = 'an anonymous volume';

/** Names of everything on the engine that a stack has left. */
export async function leftovers(stack: string): Promise<readonly string[]> {
  const filter = ['--filter', `label=io.plumbstack.stack=${stack}`];
  const lists = await Promise.all([
    docker('ps', '--all', ...filter, '--format', '{{.Names}}'),
    docker('network', 'ls', ...filter, '--format', '{{.Name}}'),
    docker('volume', 'ls', ...filter, '--format', '{{.Name}}'),
  ]);
  const names = lists.flatMap((list) => list.split('\n').filter((line) => line !== ''));
  return names.map((name) => (/^[0-9a-f]{64}$/.test(name) ? anonymousVolume : name));
}

/**
 * Run by mocha after all tests: each stack that a test has made is gone, with its networks and volumes, and the anonymous
 * volumes of its containers.
 */
export const mochaHooks = {
  async afterAll(): Promise<void> {
    if (madeStacks.size === 0) return;
    const filter = ['--filter', 'label=io.plumbstack.owner'];
    const lists = await Promise.all([
      docker('ps', '--all', ...filter, '--format', stackAnd('Names')),
      docker('network', 'ls', ...filter, '--format', stackAnd('Name')),
      docker('volume', 'ls', ...filter, '--format', stackAnd('Name')),
    ]);
    const all = lists.flatMap((list) => list.split('\n'));
    assert.deepEqual(
      all.filter((line) => madeStacks.has(line.split(' ')[0] ?? '')),
      [],
    );
  },
};

function stackAnd(field: string): string {
  return `{{.Label "io.plumbstack.stack"}} {{.${field}}}`;
}

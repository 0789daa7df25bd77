import { PlumbstackError } from '@plumbstack/core';
import type { EngineState, VolumeRecord } from './engine-state.js';

/** A tar stream of nothing: two blocks of zeros. */
export const emptyArchive: Uint8Array = new Uint8Array(1024);

export function findVolume(state: EngineState, stack: string, name: string): VolumeRecord {
  const found = state.volumes.get(`${stack}/${name}`);
  if (found !== undefined) return found;
  const known = [...state.volumes.values()].filter((each) => each.stack === stack).map((each) => each.name);
  throw new PlumbstackError('NOT_FOUND', `the stack "${stack}" has no volume "${name}".`, {
    resource: `${stack}/${name}`,
    details: { known },
    hint: `It has: ${known.sort().join(', ') || 'none'}.`,
  });
}

/** Names of the running containers that a volume is mounted in. */
export function usersOf(state: EngineState, stack: string, volume: string): readonly string[] {
  return state
    .containersOf(stack)
    .filter(
      ({ state: now, spec }) =>
        now === 'running' &&
        spec?.mounts.some((each) => each.type === 'volume' && each.volume === volume) === true,
    )
    .map(({ name }) => name);
}

export function volumeInUse(resource: string, containers: readonly string[]): PlumbstackError {
  return new PlumbstackError('INVALID_OPTION', `the volume is in use by ${containers.join(', ')}.`, {
    resource,
    details: { containers },
    hint: 'Pass { stop: true } to stop them for the time of the import.',
  });
}

export async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  const all = new Uint8Array(chunks.reduce((sum, each) => sum + each.length, 0));
  let end = 0;
  for (const each of chunks) {
    all.set(each, end);
    end += each.length;
  }
  return all;
}

// @ts-check
import { ensureOptional } from './optional-package.mjs';

/**
 * Podman with its networks and the init program that containers are started under, for tests that run on it.
 * @param {{ log: (line: string) => void }} options
 */
export async function ensurePodman({ log }) {
  await ensureOptional({
    what: 'Podman',
    commands: ['podman'],
    debian: ['podman', 'netavark', 'aardvark-dns', 'catatonit'],
    log,
  });
}

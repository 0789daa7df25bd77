import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

type Core = typeof import('@plumbstack/core');

/** The same package loaded a second time, as where two versions of it are installed in one program. */
export function secondCopy(): Core {
  const folder = mkdtempSync(join(tmpdir(), 'plumbstack-core-copy-'));
  try {
    cpSync(dirname(dirname(require.resolve('@plumbstack/core'))), folder, {
      recursive: true,
      filter: (path) => !path.includes('node_modules'),
    });
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- a path that is only known now
    return require(join(folder, 'dist', 'index.js')) as Core;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

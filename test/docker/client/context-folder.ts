import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openBuildContext, unpackFiles, type ImageBuild } from '@plumbstack/docker/client';

/** A folder to build from, gone at the end of `using`. Content that begins with `->` is a link. */
export class ContextFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'cl-context-'));

  constructor(files: Readonly<Record<string, string>>) {
    for (const [path, content] of Object.entries(files)) this.write(path, content);
  }

  write(path: string, content: string, mode = 0o644): void {
    const file = join(this.path, path);
    mkdirSync(dirname(file), { recursive: true });
    if (content.startsWith('->')) return symlinkSync(content.slice(2), file);
    writeFileSync(file, content);
    chmodSync(file, mode);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

export function contextOf(context: string, given: Partial<ImageBuild> = {}): ImageBuild {
  return { context, dockerfile: 'Dockerfile', args: {}, labels: {}, tag: 'cl-none:1', ...given };
}

/** Paths of the regular files that a build would send. */
export async function filesSent(build: ImageBuild): Promise<string[]> {
  return [...(await contentSent(build)).keys()];
}

export async function contentSent(build: ImageBuild): Promise<ReadonlyMap<string, Buffer>> {
  return unpackFiles((await openBuildContext(build)).pack(), 100e6);
}

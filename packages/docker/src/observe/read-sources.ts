import { readFile, realpath, stat } from 'node:fs/promises';
import { PlumbstackError, resourcePath, type StackSpec } from '@plumbstack/core';
import { stampOf } from '../client/context-files.js';
import type { FileDigests } from '../client/file-digests.js';
import { contentOf, type Content } from '../compile/content.js';
import { keptSecrets } from '../compile/kept-secrets.js';
import { pageSources } from '../compile/router-pages.js';

interface Source {
  readonly name: string;
  readonly source: string;
  /** What it is for. */
  readonly target: string;
}

/** Looks at every file that a spec names by path: what it holds is read when it is put somewhere. */
export async function readSources(
  spec: StackSpec,
  absolute: (path: string) => string,
  digests: FileDigests,
): Promise<Record<string, Content>> {
  const sources = new Map(sourcesOf(spec).map((each) => [absolute(each.source), each]));
  const entries = [...sources].map(async ([path, { name, target }]) => {
    try {
      return [path, await lookAt(path, digests)] as const;
    } catch (cause) {
      throw new PlumbstackError('NOT_FOUND', `the file ${path} for ${target} cannot be read.`, {
        resource: resourcePath(spec.name, name),
        details: { path, target },
        hint: "Paths are relative to the stack's baseDir, or to the working directory where it has none.",
        cause,
      });
    }
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** Every file that a spec names by path for a container. */
export function sourcesOf(spec: StackSpec): readonly Source[] {
  const files = spec.resources.flatMap((each): readonly Source[] => {
    if (each.kind === 'router')
      return pageSources(each).map((source) => ({ name: each.name, source, target: 'a page' }));
    if (each.kind !== 'app' && each.kind !== 'service') return [];
    return each.files.flatMap(({ source, target }) =>
      source === undefined ? [] : [{ name: each.name, source, target }],
    );
  });
  const authorities = keptSecrets(spec).flatMap((each) =>
    each.type === 'acme' && each.authority.ca !== undefined
      ? [{ name: each.name, source: each.authority.ca, target: 'a certificate authority' }]
      : [],
  );
  return [...files, ...authorities];
}

async function lookAt(path: string, digests: FileDigests): Promise<Content> {
  const info = await stat(path, { bigint: true });
  // A pipe, or a file of the kernel's, gives what it holds once, and says no size.
  if (!info.isFile() || info.size === 0n) return contentOf(await readFile(path));
  const found = { path: await realpath(path), size: Number(info.size), stamp: stampOf(info) };
  const [digest = ''] = await digests.of([found]);
  return { digest, path };
}

/** Looks at every text that a spec puts into containers. */
export async function readTexts(
  { resources }: StackSpec,
  digests: FileDigests,
): Promise<ReadonlyMap<string, Content>> {
  const texts = new Map<string, Content>();
  for (const each of resources) {
    if (each.kind !== 'app' && each.kind !== 'service') continue;
    for (const { content: bytes } of each.files)
      if (bytes !== undefined && !texts.has(bytes))
        texts.set(bytes, { digest: await digests.ofText(bytes), bytes });
  }
  return texts;
}

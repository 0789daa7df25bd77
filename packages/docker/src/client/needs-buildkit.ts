import type { BuildSource } from './build-context.js';

// What the classic builder of Docker 20.10 to 28.5 does not know of a Dockerfile:
// https://docs.docker.com/reference/dockerfile/
const instructions: readonly (readonly [what: string, words: RegExp])[] = [
  ['RUN --$1', /^\s*RUN(?:\s+--\S+)*?\s+--(mount|network|security|device)\b/im],
  [
    '$1 --$2',
    /^\s*(COPY|ADD)(?:\s+--\S+)*?\s+--(link|chmod|parents|exclude|checksum|keep-git-dir|unpack)\b/im,
  ],
  // Not a here-string, and no shift: a name follows.
  ['a here-document', /^\s*(?:RUN|COPY|ADD)\b.*[^<]<<-?["']?[A-Za-z_]/im],
  ['the variable $1', /\b((?:BUILD|TARGET)(?:PLATFORM|OS|ARCH|VARIANT))\b/],
];

/** What of a build the engine's classic builder cannot do, for a message; nothing where it can do all. */
export function needsBuildkit(build: BuildSource, dockerfile: string): string | undefined {
  const { builder, secrets = [], ssh = false, contexts = {} } = build;
  if (builder === 'buildkit') return 'the option builder';
  if (secrets.length > 0) return 'the option secrets';
  if (ssh) return 'the option ssh';
  if (Object.keys(contexts).length > 0) return 'the option contexts';
  if (builder === 'classic') return undefined;
  const text = withoutComments(dockerfile);
  for (const [what, words] of instructions) {
    const found = words.exec(text);
    if (found !== null) return what.replace(/\$(\d)/g, (_, group: string) => found[Number(group)] ?? '');
  }
  return undefined;
}

/** One instruction a line. */
function withoutComments(dockerfile: string): string {
  const escape = /^#\s*escape\s*=\s*`/im.test(dockerfile) ? '`' : '\\\\';
  return dockerfile.replace(/^\s*#.*\r?\n?/gm, '').replace(new RegExp(`${escape}[ \\t]*\\r?\\n`, 'g'), ' ');
}

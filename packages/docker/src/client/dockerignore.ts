import { posix } from 'node:path';
import { PlumbstackError } from '@plumbstack/core';

/**
 * What a `.dockerignore` leaves out of a build context, as BuildKit and the `docker` program decide it. Written here
 * because no library does: `ignore` is for .gitignore, whose patterns match at any depth; `@balena/dockerignore`, which
 * dockerode has, does not escape what only a regular expression gives a meaning (`c++` throws, `a(1)` does not match
 * itself). The rules: https://docs.docker.com/build/concepts/context/#dockerignore-files and the source of
 * moby/patternmatcher.
 */
export class Dockerignore {
  readonly #patterns: readonly Pattern[];

  /** @param from the file, for the error */
  constructor(text: string, from: string) {
    this.#patterns = text
      .replace(/^\uFEFF/, '')
      .split(/\r?\n/)
      .flatMap((line) => readPattern(line, from));
  }

  /** How the root folder stands: begin with this, and go down with {@link Verdict.inside}. */
  root(): Verdict {
    return new Verdict(this.#patterns, [], false);
  }
}

/** How one path of the context stands. */
export class Verdict {
  readonly #patterns: readonly Pattern[];
  /** Which patterns have matched the path or a folder above it: what matches a folder matches all that is in it. */
  readonly #matched: readonly boolean[];
  readonly ignored: boolean;

  constructor(patterns: readonly Pattern[], matched: readonly boolean[], ignored: boolean) {
    this.#patterns = patterns;
    this.#matched = matched;
    this.ignored = ignored;
  }

  /** @param path of something directly inside this folder, from the context's root, with `/` */
  inside(path: string): Verdict {
    let ignored = false;
    const matched = this.#patterns.map((pattern, index) => {
      // A pattern that could not change the verdict is not looked at, and so does not count for what is further down.
      const match = this.#matched[index] || (pattern.negated === ignored && pattern.regexp.test(path));
      if (match) ignored = !pattern.negated;
      return match;
    });
    return new Verdict(this.#patterns, matched, ignored);
  }

  /** Whether a file directly inside this folder is ignored: what {@link inside} says, without what a folder needs. */
  ignores(path: string): boolean {
    let ignored = false;
    for (const [index, { negated, regexp }] of this.#patterns.entries()) {
      if (this.#matched[index] || (negated === ignored && regexp.test(path))) ignored = !negated;
    }
    return ignored;
  }

  /** Whether something below an ignored folder may be wanted after all, by a later `!` pattern. */
  mayHoldWanted(path: string): boolean {
    return this.#patterns.some(
      ({ negated, literalStart }) =>
        negated && (literalStart.startsWith(`${path}/`) || `${path}/`.startsWith(literalStart)),
    );
  }
}

interface Pattern {
  readonly negated: boolean;
  readonly regexp: RegExp;
  /** The pattern up to its first wildcard: what it matches begins so. Ends with `/` where there is no wildcard. */
  readonly literalStart: string;
}

function readPattern(line: string, from: string): Pattern[] {
  if (line.startsWith('#')) return [];
  let text = line.trim();
  const negated = text.startsWith('!');
  if (negated) text = text.slice(1).trim();
  if (text === '') return negated ? refusePattern(line, from) : [];
  const clean = posix
    .normalize(text)
    .replace(/(?<=.)\/$/, '')
    .replace(/^\/(?=.)/, '');
  try {
    return [{ negated, regexp: new RegExp(toRegExp(clean), 's'), literalStart: literalStart(clean) }];
  } catch (cause) {
    return refusePattern(line, from, cause);
  }
}

function literalStart(pattern: string): string {
  const wildcard = pattern.search(/[*?[\\]/);
  return wildcard === -1 ? `${pattern}/` : pattern.slice(0, wildcard);
}

/** `*` and `?` stop at a slash, `**` takes any number of folders, none too; a backslash makes the next one plain. */
function toRegExp(pattern: string): string {
  // `**` and no other wildcard matches any end of a path, in the middle of a name too.
  if (/^\*\*[^*?[\]\\]*$/.test(pattern)) return suffix(pattern.slice(2));
  let source = '';
  for (let at = 0; at < pattern.length; at++) {
    const rest = pattern.slice(at);
    if (rest.startsWith('**')) {
      at += rest.startsWith('**/') ? 2 : 1;
      source += at + 1 >= pattern.length ? '.*' : '(?:.*/)?';
    } else if (rest.startsWith('*')) source += '[^/]*';
    else if (rest.startsWith('?')) source += '[^/]';
    else if (rest.startsWith('[') && rest.includes(']')) {
      const group = rest.slice(0, rest.indexOf(']', 2) + 1);
      source += group;
      at += group.length - 1;
    } else if (rest.startsWith('\\') && rest.length > 1) source += escape(pattern[++at] as string);
    else source += escape(pattern[at] as string);
  }
  return `^${source}$`;
}

function suffix(end: string): string {
  return end.startsWith('/') ? `(?:^|/)${escape(end.slice(1))}$` : `${escape(end)}$`;
}

function escape(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

function refusePattern(line: string, from: string, cause?: unknown): never {
  throw new PlumbstackError(
    'INVALID_OPTION',
    `${from} has a line that is no pattern: ${JSON.stringify(line)}.`,
    {
      details: { path: from, line },
      cause,
    },
  );
}

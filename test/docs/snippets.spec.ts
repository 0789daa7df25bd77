import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const root = join(__dirname, '..', '..');
const guide = join(root, 'docs', 'guide');
const pages = [join(root, 'README.md'), ...readdirSync(guide).map((each) => join(guide, each))].filter(
  (each) => each.endsWith('.md') && existsSync(each),
);

interface Snippet {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  /** Of the comment before it: path of the file that holds the snippet. */
  readonly source: string | undefined;
  readonly code: string;
}

const fence = /(?:^<!-- (?<source>\S+) -->\n+)?^```(?<language>\w+)\n(?<code>.*?)^```$/gms;

function snippetsOf(page: string): readonly Snippet[] {
  const text = readFileSync(page, 'utf8');
  return [...text.matchAll(fence)].map((match) => ({
    page: relative(root, page),
    line: text.slice(0, match.index).split('\n').length,
    language: match.groups?.['language'] ?? '',
    source: match.groups?.['source'],
    code: match.groups?.['code'] ?? '',
  }));
}

const snippets = pages.flatMap(snippetsOf);
const programs = snippets.filter(({ language }) => language === 'ts');

describe('the code that a reader is shown', () => {
  it('is there, so that the checks below have something to check', () => {
    assert.ok(programs.length >= 4, `${programs.length} snippets`);
  });

  for (const { page, line, source } of programs) {
    it(`says which file it is from: ${page}:${line}`, () => {
      assert.ok(source !== undefined, `${page}:${line} needs a line <!-- examples/.../main.ts --> before it`);
    });
  }

  for (const { page, line, source, code } of snippets.filter((each) => each.source !== undefined)) {
    it(`is a verbatim part of ${source}: ${page}:${line}`, () => {
      assert.match(source ?? '', /^examples\//);
      const lines = readFileSync(join(root, source ?? ''), 'utf8').split('\n');
      assert.ok(
        code.trim() !== '' && holds(lines, code.trimEnd().split('\n')),
        `${source} does not hold\n${code}`,
      );
    });
  }
});

/** Whether `part` stands in `whole` as whole lines, one after the other, where all may be indented by the same space. */
function holds(whole: readonly string[], part: readonly string[]): boolean {
  return whole.some((first, start) => {
    const indent = first.slice(0, first.length - first.trimStart().length);
    return part.every((each, index) => whole[start + index] === (each === '' ? '' : indent + each));
  });
}

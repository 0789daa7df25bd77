import assert from 'node:assert/strict';
import { needsBuildkit } from '@plumbstack/docker/client';
import { contextOf } from './context-folder';

const needs = (dockerfile: string, given: Parameters<typeof contextOf>[1] = {}): string | undefined =>
  needsBuildkit(contextOf('/x', given), dockerfile);

describe('a build needs BuildKit', () => {
  for (const [dockerfile, what] of [
    ['FROM a\nRUN --mount=type=cache,target=/c make', 'RUN --mount'],
    ['FROM a\nrun \\\n  # why\n  --network=none \\\n  --mount=type=tmpfs,target=/t make', 'RUN --network'],
    ['FROM a\nCOPY --chown=1 --link a b', 'COPY --link'],
    ['FROM a\nADD --checksum=sha256:0 http://x /', 'ADD --checksum'],
    ['FROM a\nCOPY --chmod=755 a /', 'COPY --chmod'],
    ['FROM a\nRUN <<EOF\necho\nEOF', 'a here-document'],
    ['FROM a\nCOPY <<-"EOF" /x\nhi\nEOF', 'a here-document'],
    ['FROM --platform=$BUILDPLATFORM a', 'the variable BUILDPLATFORM'],
    ['FROM a\nARG TARGETARCH', 'the variable TARGETARCH'],
  ] as const) {
    it(`for ${what}`, () => assert.equal(needs(dockerfile), what));
  }

  for (const dockerfile of [
    '# syntax=docker/dockerfile:1\nFROM a',
    'FROM a\n# RUN --mount=type=cache make',
    'FROM --platform=linux/amd64 a AS b\nCOPY --from=b --chown=1:1 x y',
    'FROM a\nRUN cat <<< word && echo $((1<<2))',
    'FROM a\nRUN make --mount=x',
    'FROM a\nENV x="--mount=type=cache"',
  ]) {
    it(`not for ${JSON.stringify(dockerfile)}`, () => assert.equal(needs(dockerfile), undefined));
  }

  it('for options that only it has, whatever the Dockerfile says', () => {
    assert.equal(needs('FROM a', { ssh: true }), 'the option ssh');
    assert.equal(needs('FROM a', { secrets: [{ id: 'a', value: Buffer.from('b') }] }), 'the option secrets');
    assert.equal(needs('FROM a', { contexts: { a: '/b' } }), 'the option contexts');
    assert.equal(needs('FROM a', { builder: 'buildkit' }), 'the option builder');
    assert.equal(needs('FROM a\nRUN --mount=type=cache make', { builder: 'classic' }), undefined);
  });
});

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(__dirname, '..', '..');
const script = join(root, 'scripts', 'docs', 'events-reference.mjs');

describe('docs/reference/events.md', () => {
  it('is what node scripts/docs/events-reference.mjs writes', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [script, '--print']);
    const page = await readFile(join(root, 'docs', 'reference', 'events.md'), 'utf8');
    assert.equal(page, stdout);
  });

  it('tells of every event that the map has', async () => {
    const map = await readFile(join(root, 'packages', 'events', 'src', 'lifecycle-event-map.ts'), 'utf8');
    const page = await readFile(join(root, 'docs', 'reference', 'events.md'), 'utf8');
    const inMap = [...map.matchAll(/^ {2}'([a-z:]+)':/gm)].map(([, name]) => name);
    const onPage = [...page.matchAll(/^### `([a-z:]+)`$/gm)].map(([, name]) => name);
    assert.ok(inMap.includes('stack:up:started'));
    assert.deepEqual(onPage, inMap);
  });
});

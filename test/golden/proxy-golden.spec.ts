import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { renderHaproxy, renderNginx, type ProxyFile } from '@plumbstack/docker/proxy';
import { certificate, complaints } from '../docker/proxy/check-configs';
import { goldenHaproxy, goldenNginx } from './proxy-models';

/** `UPDATE_GOLDEN=1` writes the files anew; what changed is then seen in the diff. */
const update = process.env['UPDATE_GOLDEN'] === '1';

const kinds = {
  nginx: mapValues(goldenNginx, renderNginx),
  haproxy: mapValues(goldenHaproxy, renderHaproxy),
};

function mapValues<T>(
  models: Readonly<Record<string, T>>,
  render: (model: T) => readonly ProxyFile[],
): Readonly<Record<string, readonly ProxyFile[]>> {
  return Object.fromEntries(Object.entries(models).map(([name, model]) => [name, render(model)]));
}

describe('golden proxy configurations', () => {
  for (const kind of ['nginx', 'haproxy'] as const) {
    const folder = join(__dirname, kind);

    for (const [name, files] of Object.entries(kinds[kind])) {
      it(`${kind}: ${name} is written as it was`, () => {
        const own = join(folder, name);
        if (update) {
          rmSync(own, { recursive: true, force: true });
          for (const { path, content } of files) {
            mkdirSync(dirname(join(own, path)), { recursive: true });
            writeFileSync(join(own, path), content);
          }
        }
        assert.ok(existsSync(own), `${own} is missing: run with UPDATE_GOLDEN=1 and look at it`);
        assert.deepEqual(readdirSync(own).sort(), files.map(({ path }) => path).sort());
        for (const { path, content } of files) assert.equal(content, readFileSync(join(own, path), 'utf8'));
      });
    }

    it(`${kind}: every written configuration belongs to a model`, () => {
      assert.deepEqual(readdirSync(folder).sort(), Object.keys(kinds[kind]).sort());
    });

    it(`${kind}: the real program accepts every one without a warning`, async () => {
      assert.deepEqual(await complaints(kind, kinds[kind], kind === 'nginx' ? await certificate() : []), {});
    });
  }
});

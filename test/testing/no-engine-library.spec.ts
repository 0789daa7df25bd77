import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Names of the libraries that a program has loaded after an import and a piece of work. */
function loadedBy(source: string): readonly string[] {
  const program = `${source}
    const { createRequire } = await import('node:module');
    const files = Object.keys(createRequire(import.meta.url).cache);
    console.log(JSON.stringify(files.map((file) => /.*node_modules.((?:@[^/]+.)?[^/]+)/.exec(file)?.[1])));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: join(__dirname, '..'),
    encoding: 'utf8',
  });
  return JSON.parse(output) as readonly string[];
}

describe('@plumbstack/testing', () => {
  it('loads nothing that speaks to an engine, neither when it is imported nor at work', () => {
    const loaded = loadedBy(`
      import { InMemoryRuntime, singleAppStack } from '@plumbstack/testing';
      const runtime = new InMemoryRuntime();
      await runtime.up(singleAppStack({ name: 'demo', app: { image: 'example/api:1' } }));`);
    assert.deepEqual(
      loaded.filter((name) => /docker|ssh/.test(name)),
      [],
    );
  });

  it('is seen by this test where something does', () => {
    const loaded = loadedBy(
      "import { DockerodeClient } from '@plumbstack/docker/client'; void DockerodeClient;",
    );
    assert.ok(loaded.includes('dockerode'));
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { DockerRuntime } from '@plumbstack/docker';
import { get } from './run-example';
import { RunningExample } from './running-example';

// Not imported: the examples are a project of their own, outside this one's root folder.
const { proveRoutes } = createRequire(__filename)('../../examples/whole-stack/prove-routes') as {
  proveRoutes: (web: URL) => Promise<{ readonly ok: boolean; readonly table: string }>;
};

describe('example whole-stack', function () {
  this.timeout(300_000);
  const example = new RunningExample('whole-stack');

  it('every route answered as it should', () => {
    assert.doesNotMatch(example.printed, /WRONG/);
    assert.equal(example.printed.match(/^ok /gm)?.length, 15, example.printed);
  });

  it('three workers answered, and a client with the cookie stayed on one', () => {
    assert.match(example.printed, /^ok .*workers-1 workers-2 workers-3 +3 workers in \d+ requests$/m);
    assert.match(example.printed, /^ok .* 1 worker in 9 requests with the cookie \S+=w\d$/m);
  });

  it('the table of containers names both apps, the workers and the proxies', () => {
    assert.equal(example.printed.match(/^pool .* worker .*running, healthy/gm)?.length, 3, example.printed);
    assert.equal(example.printed.match(/ proxy .*running, healthy/g)?.length, 2, example.printed);
    assert.equal(example.printed.match(/^app .* app .*running, healthy/gm)?.length, 1, example.printed);
  });

  it('what it says to open answers', async () => {
    const urls = example.printed.slice(example.printed.indexOf('Open ')).match(/http:\S+/g) ?? [];
    assert.equal(urls.length, 4);
    for (const url of urls) assert.equal((await get(url)).status, 200, url);
  });

  it('a second run changes nothing and ends well', async () => {
    const before = await containers(example.stack);
    const { exitCode, stdout, stderr } = await example.again();
    assert.equal(exitCode, 0, `${stdout}\n${stderr}`);
    assert.match(stderr, /nothing to do/);
    assert.deepEqual(await containers(example.stack), before);
  });
});

/** Identity and start of every container: a container that was made anew or restarted differs. */
async function containers(stack: string): Promise<readonly string[]> {
  const deployment = await new DockerRuntime().attach(stack);
  const { resources } = await deployment.status();
  return resources.flatMap((each) => each.containers.map(({ id, startedAt }) => `${id} ${startedAt}`)).sort();
}

describe('the proof of whole-stack', () => {
  it('fails where the answers are not the expected ones', async () => {
    const server = createServer((_request, response) => response.end('something else')).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { ok, table } = await proveRoutes(new URL(`http://127.0.0.1:${port}/`));
    server.closeAllConnections();
    server.close();
    assert.equal(ok, false);
    assert.doesNotMatch(table, /^ok /m);
    assert.equal(table.match(/^WRONG /gm)?.length, 15);
  });
});

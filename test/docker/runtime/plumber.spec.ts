import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isPlumbstackError, plumber, type PlumbstackError } from '@plumbstack/core';
import type { LifecycleDeployment } from '@plumbstack/events';
import { docker } from '../../support/docker-cli';
import { Lab } from '../../support/lab';

const image = 'rstudio/plumber:latest';
const loopback = { port: 0, host: '127.0.0.1' } as const;

describe('an API in R', function () {
  this.timeout(180_000);
  const lab = new Lab();
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'er-plumber-'));
  });
  after(() => rm(folder, { recursive: true }));

  describe("that is one of plumber's own examples, behind a router", () => {
    /** By the path that its route has. */
    const examples = {
      github: '03-github',
      sums: '04-mean-sum',
      sessions: '06-sessions',
      welcome: '10-welcome',
      cars: '11-car-inventory',
    } as const;
    let deployment: LifecycleDeployment;

    before(async () => {
      await copyExamples(folder);
      const stack = lab.stack({ baseDir: folder });
      const router = stack.router('web', { publish: loopback });
      for (const [name, example] of Object.entries(examples))
        router.route(`/${name}/`, stack.app(name, plumber(`./${example}/plumber.R`, { image })));
      deployment = await lab.runtime.up(stack);
    });
    after(() => lab.clear());

    const at = (path: string): URL => new URL(path, deployment.endpoint('web'));
    const get = (path: string, init: RequestInit = {}): Promise<Response> =>
      fetch(at(path), { redirect: 'manual', signal: AbortSignal.timeout(20_000), ...init });
    const json = async (path: string, init?: RequestInit): Promise<unknown> => {
      const response = await get(path, init);
      assert.equal(response.status, 200, path);
      return response.json();
    };

    it('answers below the prefix as it does alone', async () => {
      const { version } = (await json('/github/version')) as { version: readonly string[] };
      assert.match(version[0] ?? '', /^1\.\d+\.\d+/);

      const [mean] = (await json('/sums/mean?samples=10000')) as [number];
      assert.ok(Math.abs(mean) < 0.2, `${mean}`);
      const sum = await json('/sums/sum', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ a: 4, b: 3 }),
      });
      assert.deepEqual(sum, [7]);

      assert.match(await (await get('/welcome/')).text(), /plumber is alive!/);

      const cars = (await json('/cars/car/')) as readonly { id: number; make: string }[];
      assert.ok(cars.length > 5);
      assert.deepEqual(await json(`/cars/car/${cars[1]?.id}`), [cars[1]]);
      const { status } = await get('/cars/car/1');
      assert.equal(status, 404);
    });

    it('counts the visits of a client in its cookies', async () => {
      const first = await get('/sessions/counter');
      assert.deepEqual(await first.json(), ['This is visit #0']);
      const cookie = first.headers
        .getSetCookie()
        .map((each) => each.split(';')[0])
        .join('; ');
      assert.match(cookie, /visitcounter=1/);
      assert.deepEqual(await json('/sessions/counter', { headers: { cookie } }), ['This is visit #1']);
    });

    for (const name of Object.keys(examples)) {
      it(`has its documentation and description below its prefix: ${name}`, async () => {
        const docs = await get(`/${name}/__docs__/`);
        assert.equal(docs.status, 200);
        const page = await docs.text();
        assert.match(page, /<title>Swagger UI<\/title>|swagger|rapidoc/i);
        // What the page loads has to be below the prefix, too.
        const script = /<script[^>]* src="([^"]+\.js)"/.exec(page)?.[1] ?? '';
        const loaded = await fetch(new URL(script, at(`/${name}/__docs__/`)));
        assert.equal(loaded.status, 200, script);
        assert.match(loaded.headers.get('content-type') ?? '', /javascript/);

        const description = (await json(`/${name}/openapi.json`)) as OpenApi;
        assert.match(description.openapi, /^3\./);
        assert.equal(description.servers.length, 1);
        const [server] = description.servers;
        assert.equal(new URL(server?.url ?? '', at('/')).href, at(`/${name}`).href);
      });
    }

    it('can be called at the addresses that its description tells', async () => {
      const { servers, paths } = (await json('/cars/openapi.json')) as OpenApi;
      assert.ok(Object.keys(paths).includes('/car/'));
      const response = await fetch(new URL(`${servers[0]?.url}/car/`, at('/')));
      assert.equal(response.status, 200);
    });

    it('is found without the slash at the end of its prefix', async () => {
      for (const [from, to] of [
        ['/cars', '/cars/'],
        ['/cars?a=b', '/cars/?a=b'],
      ] as const) {
        const response = await get(from);
        assert.ok([301, 307, 308].includes(response.status), `${from}: ${response.status}`);
        const location = response.headers.get('location') ?? '';
        assert.equal(new URL(location, at(from)).href, at(to).href);
      }
    });
  });

  describe('of which three workers are', () => {
    after(() => lab.clear());

    it('busy with one request each, does not hold up fast requests behind slow ones', async () => {
      await writeFile(
        join(folder, 'slow.R'),
        `
#* @get /slow
#* @serializer unboxedJSON
function(seconds) { Sys.sleep(as.numeric(seconds)); Sys.info()[["nodename"]] }
#* @get /fast
#* @serializer unboxedJSON
function() Sys.info()[["nodename"]]
`,
      );
      const stack = lab.stack({ baseDir: folder });
      const app = stack.app('app', plumber('./slow.R', { image }));
      const pool = stack.pool('pool', { app, replicas: 3, maxConcurrency: 1 });
      stack.router('web', { publish: loopback }).route('/r/', pool);
      const deployment = await lab.runtime.up(stack);
      const host = async (path: string): Promise<string> => {
        const response = await fetch(new URL(`/r/${path}`, deployment.endpoint('web')));
        assert.equal(response.status, 200);
        return (await response.json()) as string;
      };
      let ended = 0;
      const slow = Array.from({ length: 2 }, async () => {
        const worker = await host('slow?seconds=8');
        ended++;
        return worker;
      });
      const fast: string[] = [];
      // Only when both are held by a worker.
      await untilBusy(deployment, 2);
      for (let each = 0; each < 10; each++) fast.push(await host('fast'));
      assert.equal(ended, 0);
      const [free, ...more] = [...new Set(fast)];
      assert.deepEqual(more, []);
      const busy = await Promise.all(slow);
      assert.deepEqual([...busy, free].sort(), ['pool-1', 'pool-2', 'pool-3']);
    });
  });

  describe('that is asked to stop', () => {
    afterEach(() => lab.clear());

    it('stops at once, and does not use up its grace', async () => {
      await writeFile(join(folder, 'stop.R'), '#* @get /\nfunction() "here"\n');
      const stack = lab.stack({ baseDir: folder });
      const stopGraceMs = 10_000;
      stack.app('app', plumber('./stop.R', { image, stopGraceMs, publish: loopback }));
      const deployment = await lab.runtime.up(stack);
      assert.equal((await fetch(deployment.endpoint('app'))).status, 200);
      const start = performance.now();
      await deployment.down();
      const took = performance.now() - start;
      assert.ok(took < stopGraceMs / 2, `${took} ms`);
    });
  });

  describe('that needs packages', () => {
    const stacks: string[] = [];
    const newStack = (): ReturnType<Lab['stack']> => {
      const stack = lab.stack({ baseDir: folder });
      stacks.push(stack.name);
      return stack;
    };
    afterEach(async () => {
      await lab.clear();
      for (const name of stacks.splice(0)) {
        const filter = `label=io.plumbstack.stack=${name}`;
        const images = await docker('image', 'ls', '--quiet', '--filter', filter);
        if (images !== '') await docker('image', 'rm', ...new Set(images.split('\n')));
      }
    });

    it('finds them in its image', async () => {
      await writeFile(
        join(folder, 'packages.R'),
        `
library(R6)
library(zoo)
#* @get /
#* @serializer unboxedJSON
function() as.numeric(rollmean(zoo(1:5), 3))
`,
      );
      const stack = newStack();
      stack.app('app', plumber('./packages.R', { image, packages: ['R6', 'zoo'], publish: loopback }));
      const deployment = await lab.runtime.up(stack);
      const response = await fetch(deployment.endpoint('app'));
      assert.deepEqual(await response.json(), [2, 3, 4]);
    });

    it('of which one does not exist, is told its name by the build', async () => {
      const stack = newStack();
      stack.app('app', plumber('./packages.R', { image, packages: ['noSuchPackage'] }));
      const error: unknown = await lab.runtime.up(stack).catch((thrown: unknown) => thrown);
      assert.ok(isPlumbstackError(error, 'IMAGE_BUILD_FAILED'), String(error));
      assert.equal(error.resource, `${stack.name}/app`);
      assert.match(linesOf(error), /not installed: noSuchPackage/);
    });
  });
});

interface OpenApi {
  readonly openapi: string;
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, unknown>>;
}

function linesOf({ details }: PlumbstackError): string {
  return (details['lastLines'] as readonly string[]).join('\n');
}

/** Puts the folders of plumber's own examples into another one, as they are in the image. */
async function copyExamples(target: string): Promise<void> {
  const container = await docker('create', image);
  try {
    const where = 'cat(system.file("plumber", package = "plumber"))';
    const source = await docker('run', '--rm', '--entrypoint', 'Rscript', image, '-e', where);
    await docker('cp', `${container}:${source}/.`, target);
  } finally {
    await docker('rm', '--force', '--volumes', container);
  }
}

/** Waits until that many requests are in the hands of the pool's workers. */
async function untilBusy(deployment: LifecycleDeployment, requests: number): Promise<void> {
  const end = Date.now() + 10_000;
  for (;;) {
    const { workers } = await deployment.stats('pool');
    if (workers.reduce((sum, { sessions }) => sum + sessions, 0) >= requests) return;
    assert.ok(Date.now() < end, 'the workers did not get their requests');
  }
}

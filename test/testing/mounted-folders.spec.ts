import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isPlumbstackError, PlumbstackError, Stack, type Mount } from '@plumbstack/core';
import type { ContainerCreation } from '@plumbstack/docker/client';
import { InMemoryEngine, InMemoryRuntime } from '@plumbstack/testing';
import { ContextFolder } from '../docker/client/context-folder';

describe('folders of the machine that containers see', () => {
  let runtime: InMemoryRuntime;
  let folder: ContextFolder;
  let calls: string[];

  const runtimeOn = (engine: InMemoryEngine): InMemoryRuntime =>
    new InMemoryRuntime({ engine, baseDir: folder.path });

  beforeEach(() => {
    folder = new ContextFolder({ 'code/server.js': 'one', 'code/lib/sum.js': 'one', 'data/rows.csv': '1' });
    folder.write('site/index.html', 'one');
    calls = [];
    const engine = new InMemoryEngine({ sharesFiles: true });
    engine.onCall(({ method }, proceed) => {
      calls.push(method);
      return proceed();
    });
    runtime = runtimeOn(engine);
  });
  afterEach(async () => {
    await runtime[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  const at = (path: string): string => join(folder.path, path);
  const code: Mount = { bind: './code', target: '/app', restartOn: 'change' };
  const data: Mount = { bind: './data', target: '/data' };
  const described = (mounts: readonly Mount[], root = './site'): Stack => {
    const stack = new Stack('shop');
    const app = stack.app('worker', { image: 'i', mounts });
    const workers = stack.pool('workers', { app, replicas: 2 });
    const api = stack.app('api', { image: 'i', mounts });
    stack.router('web', { publish: 0, root }).route('/pool/', workers).route('/api/', api);
    return stack;
  };
  /** Why something is done, by resource. */
  const reasons = async (stack: Stack): Promise<Readonly<Record<string, readonly string[]>>> => {
    const { steps } = await runtime.plan(stack);
    return Object.fromEntries(
      steps.flatMap(({ resource, action, reasons: why }) =>
        action === 'keep' ? [] : [[`${action} ${resource}`, why.map(({ path }) => path).sort()]],
      ),
    );
  };
  const refusal = async (work: Promise<unknown>): Promise<PlumbstackError> => {
    const error: unknown = await work.then(
      () => assert.fail('nothing was refused'),
      (thrown: unknown) => thrown,
    );
    assert.ok(isPlumbstackError(error), String(error));
    return error;
  };
  const made = (role: string): readonly string[] =>
    runtime.engine.containers.flatMap((each) => (each.role === role ? [each.id] : []));

  describe('that are missing', () => {
    it('are refused with what names them, by plan and up, before anything is changed', async () => {
      const stack = described([data, { bind: '../nowhere', target: '/x' }], './no-site');
      const before = runtime.engine.objects;
      for (const work of [() => runtime.plan(stack), () => runtime.up(stack)]) {
        const error = await refusal(work());
        assert.equal(error.code, 'NOT_FOUND');
        for (const each of ['worker.mounts[1].bind', 'api.mounts[1].bind', 'web.root', at('no-site')])
          assert.ok(error.message.includes(each), error.message);
        assert.equal(error.resource, 'shop/worker');
        assert.match(error.hint ?? '', /Make the folder/);
      }
      assert.deepEqual(runtime.engine.objects, before);
    });

    it('are refused where they have gone meanwhile', async () => {
      await runtime.up(described([data]));
      rmSync(at('data'), { recursive: true });
      assert.equal((await refusal(runtime.plan(described([data])))).code, 'NOT_FOUND');
      mkdirSync(at('data'));
      assert.ok((await runtime.plan(described([data]))).isEmpty);
    });

    it('are the affair of an engine that may have other files', async () => {
      const gone: Mount = { bind: '/srv/only-there', target: '/data' };
      for (const options of [{}, { elsewhere: true, sharesFiles: true }]) {
        await using other = runtimeOn(new InMemoryEngine(options));
        await other.up(described([gone], '/srv/there-too'));
        assert.ok((await other.plan(described([gone], '/srv/there-too'))).isEmpty);
      }
    });

    it('are refused by what the engine says when it is asked, before anything is made', async () => {
      for (const options of [{}, { elsewhere: true }]) {
        const engine = new InMemoryEngine(options);
        const asked: unknown[] = [];
        engine.onCall(async ({ method, args: [creation] }, proceed) => {
          const { name, mounts = [] } = (creation ?? {}) as Partial<ContainerCreation>;
          if (method === 'createContainer' && name === 'shop-machine.binds') {
            asked.push(mounts.flatMap((each) => (each.type === 'bind' ? [each.source] : [])));
            throw new PlumbstackError('NOT_FOUND', 'bind source path does not exist: /srv/gone', {
              details: { status: 400, path: '/srv/gone' },
              hint: 'Make it.',
            });
          }
          return proceed();
        });
        await using other = runtimeOn(engine);
        const stack = described([data, { bind: '/srv/gone', target: '/x' }], '/srv/site');
        const error = await refusal(other.up(stack));
        assert.deepEqual([error.code, error.resource], ['NOT_FOUND', 'shop/workers']);
        assert.deepEqual(asked, [[at('data'), '/srv/gone', '/srv/site']]);
        const left = engine.objects.filter(({ kind }) => kind === 'network' || kind === 'container');
        assert.deepEqual(left, []);
      }
    });

    it('are asked for again by the run after one that was aborted, and nothing stays of that', async () => {
      const engine = new InMemoryEngine();
      await using other = runtimeOn(engine);
      const aborted = new AbortController();
      engine.onCall(async ({ method, args: [creation] }, proceed) => {
        const done = await proceed();
        const { name } = (creation ?? {}) as Partial<ContainerCreation>;
        if (method === 'createContainer' && name === 'shop-machine.binds') aborted.abort(new Error('enough'));
        return done;
      });
      await assert.rejects(other.up(described([data]), { signal: aborted.signal }), /enough/);
      engine.onCall(undefined);
      await other.up(described([data]));
      assert.ok(!engine.objects.some(({ name }) => name.includes('binds')));
      assert.ok((await other.plan(described([data]))).isEmpty);
    });

    it('are asked for of no engine whose files are here, and of none where nothing changes', async () => {
      await runtime.up(described([code, data]));
      assert.ok(!runtime.engine.objects.some(({ name }) => name.includes('binds')));
      calls.length = 0;
      await runtime.up(described([code, data]));
      const unchanged = [...calls];
      await runtime.up(described([], undefined));
      calls.length = 0;
      await runtime.up(described([], undefined));
      assert.deepEqual(unchanged, calls);
      assert.ok(!calls.includes('sharesFiles') && !calls.includes('createContainer'));
    });
  });

  describe('with restartOn', () => {
    it('replace what sees them when a file differs, and the plan names it', async () => {
      await runtime.up(described([code, data]));
      assert.ok((await runtime.plan(described([code, data]))).isEmpty);
      const [router] = made('router');
      const before = [...made('worker'), ...made('app')];
      folder.write('code/server.js', 'two');
      folder.write('code/lib/new.js', 'one');
      folder.write('data/rows.csv', '2');
      const changed = ['bound./app.code.lib/new.js', 'bound./app.code.server.js', 'bound./app.digest'];
      assert.deepEqual(await reasons(described([code, data])), {
        'replace shop/api': changed,
        'replace shop/workers': changed.map((each) => `worker.${each}`),
      });
      await runtime.up(described([code, data]));
      assert.ok([...made('worker'), ...made('app')].every((each) => !before.includes(each)));
      assert.deepEqual(made('router'), [router]);
      assert.ok((await runtime.plan(described([code, data]))).isEmpty);
    });

    it('replace what sees them where the folder is another one with the same in it', async () => {
      await runtime.up(described([code]));
      renameSync(at('code'), at('old'));
      folder.write('code/server.js', 'one');
      folder.write('code/lib/sum.js', 'one');
      assert.deepEqual((await reasons(described([code])))['replace shop/api'], ['bound./app.folder']);
    });

    it('say nothing of what .dockerignore names', async () => {
      folder.write('code/.dockerignore', '*.log');
      await runtime.up(described([code]));
      folder.write('code/access.log', 'a line');
      assert.ok((await runtime.plan(described([code]))).isEmpty);
    });

    it('may be one file', async () => {
      const one: Mount = { bind: './code/server.js', target: '/srv/server.js', restartOn: 'change' };
      await runtime.up(described([one]));
      folder.write('code/lib/sum.js', 'two');
      assert.ok((await runtime.plan(described([one]))).isEmpty);
      folder.write('code/server.js', 'two');
      const paths = (await reasons(described([one])))['replace shop/api'];
      assert.ok(paths?.includes('bound./srv/server.js.code.server.js'), String(paths));
    });

    it('are refused of an engine elsewhere, where they are missing, and where they are large', async () => {
      await using other = runtimeOn(new InMemoryEngine({ elsewhere: true }));
      const elsewhere = await refusal(other.plan(described([data, code])));
      assert.deepEqual(
        [elsewhere.code, elsewhere.details['path']],
        ['INVALID_OPTION', 'worker.mounts[1].bind'],
      );
      assert.match(elsewhere.hint ?? '', /build/);

      await using unsure = runtimeOn(new InMemoryEngine());
      const missing = await refusal(unsure.plan(described([{ ...code, bind: './nowhere' }])));
      assert.equal(missing.code, 'NOT_FOUND');

      folder.write('code/model.bin', '');
      truncateSync(at('code/model.bin'), 2e9);
      const large = await refusal(runtime.plan(described([code])));
      assert.equal(large.code, 'INVALID_OPTION');
      assert.match(large.message, /model\.bin 2000 MB/);
      assert.equal(large.resource, 'shop/worker');
      // As data, nobody looks into it.
      assert.equal((await runtime.plan(described([{ bind: './code', target: '/app' }]))).isEmpty, false);
    });
  });

  describe('that a router serves', () => {
    it('may have other files at any time', async () => {
      await runtime.up(described([]));
      folder.write('site/index.html', 'two');
      folder.write('site/more/page.html', 'one');
      assert.ok((await runtime.plan(described([]))).isEmpty);
    });

    it('are in the plan when they were made anew, and served after it', async () => {
      await runtime.up(described([]));
      const before = made('router');
      rmSync(at('site'), { recursive: true });
      folder.write('site/index.html', 'one');
      assert.deepEqual(await reasons(described([])), { 'replace shop/web': ['bound./srv/www.folder'] });
      await runtime.up(described([]));
      assert.notDeepEqual(made('router'), before);
      assert.ok((await runtime.plan(described([]))).isEmpty);
    });

    it('are in the plan when a link to them was switched, by the path of each release', async () => {
      folder.write('releases/41/index.html', '41');
      folder.write('releases/42/index.html', '42');
      symlinkSync('releases/41', at('current'));
      await runtime.up(described([], './current'));
      rmSync(at('current'));
      symlinkSync('releases/42', at('current'));
      const plan = await runtime.plan(described([], './current'));
      assert.match(plan.toString(), /releases\/41 .* -> .*releases\/42 /);
    });
  });

  it('of which a container is given one file: a link that was switched is another content', async () => {
    folder.write('releases/41/app.conf', '41');
    folder.write('releases/42/app.conf', '42');
    symlinkSync('releases/41', at('current'));
    const stack = (): Stack => {
      const it = new Stack('shop');
      it.app('api', { image: 'i', files: [{ source: './current/app.conf', target: '/etc/app.conf' }] });
      return it;
    };
    await runtime.up(stack());
    rmSync(at('current'));
    symlinkSync('releases/42', at('current'));
    assert.deepEqual(await reasons(stack()), { 'replace shop/api': ['files./etc/app.conf.digest'] });
    rmSync(at('releases/42/app.conf'));
    writeFileSync(at('releases/42/app.conf'), '41');
    assert.ok((await runtime.plan(stack())).isEmpty);
  });
});

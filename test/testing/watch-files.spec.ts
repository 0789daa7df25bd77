import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isPlumbstackError, plumber, Stack, type PlumbstackError, type WatchOptions } from '@plumbstack/core';
import {
  InMemoryRuntime,
  recordEvents,
  type ContainerBehaviour,
  type EngineContainer,
  type EventRecorder,
} from '@plumbstack/testing';
import { ContextFolder } from '../docker/client/context-folder';
import { until } from '../support/docker-cli';

describe('a stack that is watched', () => {
  let runtime: InMemoryRuntime;
  let folder: ContextFolder;
  let recorder: EventRecorder;
  let ending: AbortController;
  let watching: Promise<void>;
  let errors: PlumbstackError[];

  beforeEach(() => {
    folder = new ContextFolder({
      'api/plumber.R': 'one',
      'api/helpers/sum.R': 'one',
      'api/.dockerignore': 'logs\n*.tmp\n',
      'other/plumber.R': 'one',
      'settings.yml': 'one',
    });
    runtime = new InMemoryRuntime({ baseDir: folder.path });
    recorder = recordEvents(runtime.events);
    ending = new AbortController();
    watching = Promise.resolve();
    errors = [];
  });
  afterEach(async () => {
    ending.abort();
    await watching.catch(() => undefined);
    recorder[Symbol.dispose]();
    await runtime[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  const described = (): Stack => {
    const stack = new Stack('shop');
    const api = plumber('./api/plumber.R');
    const workers = stack.pool('workers', { app: stack.app('worker', api), replicas: 2 });
    const files = [{ source: './settings.yml', target: '/etc/settings.yml' }];
    const other = stack.app('other', plumber('./other/plumber.R', { files }));
    stack.router('web', { publish: 0 }).route('/pool/', workers).route('/', other);
    return stack;
  };
  const ups = (): number => recorder.of('stack:up:finished').length + recorder.of('stack:up:failed').length;

  /** How R ends that reads a file with an error in it. */
  const broken = ({ role }: EngineContainer): ContainerBehaviour | undefined =>
    role === 'worker' || role === 'app'
      ? { answersAfterMs: Infinity, exit: { code: 1 }, lines: ['Error in parse(file)'] }
      : undefined;

  /** Begins; resolves when the stack is up. */
  async function watch(options: WatchOptions = {}): Promise<void> {
    const onError = (error: PlumbstackError): void => void errors.push(error);
    watching = runtime.watch(described(), { signal: ending.signal, debounceMs: 20, onError, ...options });
    watching.catch(() => undefined);
    await Promise.race([watching, recorder.waitFor('stack:up:finished')]);
  }
  /** Saves; resolves when the `up` that follows has ended, to what was changed by it. */
  async function saved(change: () => void): Promise<readonly string[]> {
    const before = ids();
    const count = ups();
    change();
    await until('an up ends', async () => ups() > count);
    const after = ids();
    return [...new Set([...after].filter(([id]) => !before.has(id)).map(([, resource]) => resource))];
  }
  /** Of containers, with their resources. */
  const ids = (): ReadonlyMap<string, string> =>
    new Map(runtime.engine.containers.map(({ resource, id }) => [id, resource]));

  it('is updated when a file is saved: what it belongs to, and nothing else', async () => {
    await watch();
    assert.deepEqual(await saved(() => folder.write('api/plumber.R', 'two')), ['workers']);
    assert.deepEqual(await saved(() => folder.write('other/plumber.R', 'two')), ['other']);
    assert.deepEqual(await saved(() => folder.write('settings.yml', 'two')), ['other']);
    assert.deepEqual(await saved(() => folder.write('api/helpers/sum.R', 'two')), ['workers']);
    const paths = recorder.of('watch:changed').map((each) => each.paths);
    assert.deepEqual(paths[0], [join(folder.path, 'api/plumber.R')]);
    ending.abort();
    await watching;
    assert.ok((await runtime.plan(described())).isEmpty);
  });

  it('is given another container when code is saved that is mounted', async () => {
    const live = (): Stack => {
      const stack = new Stack('live');
      stack.app('api', plumber('./api/plumber.R', { live: true }));
      stack.app('other', plumber('./other/plumber.R', { live: true }));
      return stack;
    };
    watching = runtime.watch(live(), { signal: ending.signal, debounceMs: 20 });
    await Promise.race([watching, recorder.waitFor('stack:up:finished')]);
    assert.deepEqual(await saved(() => folder.write('api/new/more.R', 'two')), ['api']);
    assert.deepEqual(await saved(() => folder.write('other/plumber.R', 'two')), ['other']);
    ending.abort();
    await watching;
    assert.ok((await runtime.plan(live())).isEmpty);
  });

  it('is not touched by what is ignored, or saved as it was', async () => {
    await watch();
    folder.write('api/logs/api.log', 'a line');
    folder.write('api/half.tmp', 'a line');
    folder.write('api/plumber.R', 'one');
    // What is told in the same folders after it, is looked at after it.
    await saved(() => folder.write('api/helpers/sum.R', 'two'));
    assert.equal(ups(), 2);
  });

  it('sees folders that are new, made anew and switched, and files that are renamed over others', async () => {
    rmSync(join(folder.path, 'other'), { recursive: true });
    folder.write('releases/1/plumber.R', 'one');
    folder.write('releases/2/plumber.R', 'two');
    symlinkSync('releases/1', join(folder.path, 'other'));
    await watch();
    assert.deepEqual(await saved(() => folder.write('api/new/deep/more.R', 'one')), ['workers']);
    assert.deepEqual(await saved(() => folder.write('api/new/deep/more.R', 'two')), ['workers']);
    const renamed = (): void => {
      folder.write('next.R', 'renamed');
      renameSync(join(folder.path, 'next.R'), join(folder.path, 'api/plumber.R'));
    };
    assert.deepEqual(await saved(renamed), ['workers']);
    const switched = (): void => {
      unlinkSync(join(folder.path, 'other'));
      symlinkSync('releases/2', join(folder.path, 'other'));
    };
    assert.deepEqual(await saved(switched), ['other']);
    assert.deepEqual(await saved(() => folder.write('releases/2/plumber.R', 'three')), ['other']);
    rmSync(join(folder.path, 'api'), { recursive: true });
    await until('the missing folder is told', async () => errors.length > 0);
    assert.deepEqual(
      errors.map(({ code }) => code),
      ['NOT_FOUND'],
    );
    mkdirSync(join(folder.path, 'api'));
    assert.deepEqual(await saved(() => folder.write('api/plumber.R', 'anew')), ['workers']);
  });

  it('goes on as it was where what is saved does not come up, until it does', async () => {
    await watch();
    const before = ids();
    const good = new Set(runtime.engine.containers.map(({ image }) => image));
    runtime.engine.onStart((container) => (good.has(container.image) ? undefined : broken(container)));
    await saved(() => folder.write('api/plumber.R', 'broken'));
    assert.equal(errors.length, 1);
    assert.match(errors[0]?.message ?? '', /Error in parse\(file\)/);
    assert.deepEqual([...ids().keys()].sort(), [...before.keys()].sort());
    runtime.engine.onStart(() => undefined);
    // Nothing has been saved that it could be mended by: it is not tried again.
    folder.write('other/plumber.R.swp', '');
    rmSync(join(folder.path, 'other/plumber.R.swp'));
    assert.deepEqual(await saved(() => folder.write('api/plumber.R', 'mended')), ['workers']);
    assert.equal(errors.length, 1);
  });

  it('waits for what does not come up at first, too', async () => {
    runtime.engine.onStart(broken);
    const onError = (error: PlumbstackError): void => void errors.push(error);
    watching = runtime.watch(described(), { signal: ending.signal, debounceMs: 20, onError });
    await until('the error is told', async () => errors.length > 0);
    runtime.engine.onStart(() => undefined);
    await saved(() => folder.write('api/plumber.R', 'mended'));
    assert.ok((await runtime.plan(described())).isEmpty);
  });

  it('misses nothing that is saved while it is brought up', async () => {
    let change: (() => void) | undefined = () => folder.write('api/plumber.R', 'two');
    runtime.engine.onCall((call, proceed) => {
      if (call.method === 'startContainer') {
        change?.();
        change = undefined;
      }
      return proceed();
    });
    await watch();
    await until('both are up', async () => ups() === 2);
    assert.ok((await runtime.plan(described())).isEmpty);
  });

  it('takes what is saved together for one change', async () => {
    await watch({ debounceMs: 300 });
    await saved(() => {
      for (let file = 0; file < 100; file++) folder.write(`api/${file}.R`, 'one');
    });
    assert.equal(recorder.of('watch:changed').length, 1);
    assert.equal(recorder.of('watch:changed')[0]?.paths.length, 50);
  });

  it('looks by itself where it is told to', async () => {
    await watch({ pollMs: 50 });
    const stack = described();
    const deployment = await runtime.attach(stack.name);
    // Of which no file tells.
    runtime.engine.stop('shop-workers-1');
    await until('it is mended', async () => (await deployment.status()).healthy);
  });

  it('ends with its signal, at any moment, and with its runtime', async () => {
    const calls: string[] = [];
    runtime.engine.onCall((call, proceed) => (calls.push(call.method), proceed()));
    await watch();
    ending.abort();
    await watching;
    const inOneRun = calls.length;
    runtime.engine.onCall(undefined);
    for (let at = 0; at < inOneRun; at += 7) {
      await runtime.down('shop');
      const aborting = new AbortController();
      let count = 0;
      runtime.engine.onCall((_, proceed) => {
        if (count++ === at) aborting.abort();
        return proceed();
      });
      // Where a run has fewer calls than the first had, after it.
      using _ = runtime.events.on('stack:up:finished', () => aborting.abort());
      await runtime.watch(described(), { signal: aborting.signal });
      runtime.engine.onCall(undefined);
    }
    await runtime.watch(described(), { signal: AbortSignal.abort() });
    const watched = runtime.watch(described());
    await runtime[Symbol.asyncDispose]();
    await watched;
  });

  it('is refused where nothing is to be watched, and where no saved file can mend it', async () => {
    const stack = new Stack('plain');
    stack.app('app', { image: 'api:1', port: 80 });
    await assert.rejects(runtime.watch(stack), (error) => isPlumbstackError(error, 'INVALID_OPTION'));
    await assert.rejects(runtime.watch(described(), { debounceMs: -1 }), /watch\.debounceMs/);
    await assert.rejects(runtime.watch('shop' as never), /watch\.stack/);
    rmSync(join(folder.path, 'other'), { recursive: true });
    await assert.rejects(runtime.watch(described()), (error) => isPlumbstackError(error, 'NOT_FOUND'));
  });
});

import assert from 'node:assert/strict';
import type { ContainerDetails, EngineEvent } from '@plumbstack/docker/client';
import { baseLabels, ContainerBook, OwnWork } from '@plumbstack/docker/internal';

const labels = { ...baseLabels('shop', 'api', 'app') };
const id = 'c1';
let clock = 0;

function event(action: string, facts: Readonly<Record<string, string>> = {}, of = id): EngineEvent {
  const timeNano = String(1_700_000_000_000_000_000n + BigInt(clock) * 1_000_000n);
  return {
    type: 'container',
    action,
    id: of,
    timeNano,
    attributes: { name: 'shop-api', ...labels, ...facts },
  };
}

function details(given: Partial<ContainerDetails> = {}): ContainerDetails {
  return {
    id,
    name: 'shop-api',
    image: 'x',
    imageId: 'x',
    state: 'running',
    labels,
    createdAt: '2023-11-14T22:00:00Z',
    networks: { shop: { networkId: 'n' } },
    ports: [],
    running: true,
    health: 'unknown',
    healthOutput: [],
    exitCode: 0,
    oomKilled: false,
    error: '',
    startedAt: '2023-11-14T22:13:20Z',
    finishedAt: '0001-01-01T00:00:00Z',
    restartCount: 0,
    pid: 1,
    user: '',
    portBindings: [],
    settings: { limits: {}, restart: 'no' },
    ...given,
  };
}

describe('the book of containers', () => {
  let told: string[];
  let work: OwnWork;
  let book: ContainerBook;

  beforeEach(() => {
    clock = 1000;
    told = [];
    work = new OwnWork(() => clock);
    book = new ContainerBook({
      isWatched: (stack) => stack === 'shop',
      work,
      now: () => clock,
      tell: (stack, name, payload) => {
        const { container: _, resource: __, ...facts } = payload as unknown as Record<string, unknown>;
        told.push([stack, name, ...Object.values(facts).map(String)].join(' '));
      },
    });
    book.learn([details()], 0);
  });

  function hear(action: string, facts?: Readonly<Record<string, string>>): void {
    clock += 1;
    book.hear(event(action, facts));
  }

  it('takes what ends without having been asked for an exit', () => {
    hear('die', { exitCode: '3' });
    assert.deepEqual(told, ['shop container:exited 3 false']);
  });

  it('takes what ends after a signal to end for stopped, in either order of the engine’s words', () => {
    for (const order of [
      ['stop', 'die'],
      ['die', 'stop'],
    ]) {
      hear('kill', { signal: '15' });
      for (const each of order) hear(each, { exitCode: '0' });
      hear('start');
    }
    hear('die', { exitCode: '1' });
    assert.deepEqual(told, [
      ...['shop container:stopped 0', 'shop container:started'],
      ...['shop container:stopped 0', 'shop container:started'],
      'shop container:exited 1 false',
    ]);
  });

  it('does not take a signal that means a reload for a wish to end', () => {
    hear('kill', { signal: '1' });
    hear('die', { exitCode: '2' });
    assert.deepEqual(told, ['shop container:exited 2 false']);
  });

  it('knows an end for want of memory, whichever word comes first', () => {
    hear('oom');
    hear('die', { exitCode: '137' });
    hear('start');
    hear('die', { exitCode: '137' });
    assert.deepEqual(told.slice(2), []);
    hear('oom');
    assert.deepEqual(told, [
      'shop container:exited 137 true',
      'shop container:started',
      'shop container:exited 137 true',
    ]);
  });

  it('waits for that word no longer than a moment', () => {
    hear('die', { exitCode: '137' });
    assert.ok(book.nextDueAt !== undefined && book.nextDueAt - clock <= 250);
    clock += 1000;
    book.overdue();
    assert.deepEqual(told, ['shop container:exited 137 false']);
  });

  it('says nothing of what this process does, once for each call, and all of what follows', () => {
    const end = work.begin(id, ['die', 'start']);
    hear('die', { exitCode: '0' });
    hear('start');
    end();
    assert.deepEqual(told, []);
    hear('die', { exitCode: '9' });
    assert.deepEqual(told, ['shop container:exited 9 false']);
  });

  it('does not take a crash for the end that a start of this process has made void', () => {
    work.begin(id, ['die'])();
    work.begin(id, ['start'])();
    hear('start');
    hear('die', { exitCode: '9' });
    assert.deepEqual(told, ['shop container:exited 9 false']);
  });

  it('does not take for its own what it did before anybody listened', () => {
    work.begin(id, ['start'])();
    clock += 10;
    book.learn([details()], clock);
    hear('die', { exitCode: '1' });
    hear('start');
    assert.deepEqual(told, ['shop container:exited 1 false', 'shop container:started']);
  });

  it('does not take an end for a loss of the network', () => {
    book.hear({
      ...event('disconnect', { container: id, name: 'shop' }, 'network'),
      type: 'network',
    });
    hear('die', { exitCode: '0' });
    clock += 1000;
    assert.deepEqual(book.overdue(), []);
    assert.deepEqual(told, ['shop container:exited 0 false']);
  });

  it('tells of a lost network when a look has shown it, once', () => {
    book.hear({ ...event('disconnect', { container: id, name: 'shop' }, 'network'), type: 'network' });
    clock += 1000;
    const [doubtful] = book.overdue();
    assert.ok(doubtful !== undefined);
    for (let look = 0; look < 2; look++) book.looked(doubtful, details({ networks: {} }));
    assert.deepEqual(told, ['shop container:disconnected']);
  });

  it('tells what a look shows that was not told, and not once more when the word of it comes late', () => {
    const ended = {
      state: 'exited',
      running: false,
      exitCode: 5,
      finishedAt: '2023-11-14T22:30:00Z',
    } as const;
    clock += 10;
    assert.equal(book.compare('shop', [details(ended)], clock).differences, 1);
    hear('die', { exitCode: '5' });
    assert.equal(book.compare('shop', [], clock + 1).differences, 1);
    assert.deepEqual(told, ['shop container:exited 5 false', 'shop container:removed']);
  });

  it('does not believe a look that is older than what it has heard', () => {
    const lookedAt = clock;
    hear('pause');
    hear('unpause');
    const paused = details({ state: 'paused' });
    assert.deepEqual(book.compare('shop', [paused], lookedAt), { differences: 0, isSettled: false });
    hear('destroy');
    assert.deepEqual(book.compare('shop', [paused], lookedAt), { differences: 0, isSettled: true });
    assert.deepEqual(told, ['shop container:paused', 'shop container:unpaused', 'shop container:removed']);
  });

  it('tells nothing of other stacks, nor of what is not ours', () => {
    book.hear({ ...event('start', {}, 'c2'), attributes: { name: 'x' } });
    book.hear(event('start', { ...baseLabels('other', 'api', 'app') }, 'c3'));
    book.hear(event('start', { ...baseLabels('shop', '', 'lease') }, 'c4'));
    assert.deepEqual(told, []);
  });
});

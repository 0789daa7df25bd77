import assert from 'node:assert/strict';
import { isPlumbstackError, type LogLine, type LogOptions, type Stack } from '@plumbstack/core';
import type { LifecycleDeployment } from '@plumbstack/events';
import { docker } from '../../support/docker-cli';
import { FaultProxy } from '../../support/fault-proxy';
import { eventually, Lab } from '../../support/lab';
import { lightApp } from '../../support/light-app';

// Counts aloud, each life under a name of its own; asked to stop, it says so last.
const counter = `
const life = require('node:crypto').randomBytes(4).toString('hex');
let n = 0;
const say = (what) => (n % 2 === 0 ? process.stdout : process.stderr).write(life + ' ' + n++ + ' ' + what + '\\n');
say('begins');
setInterval(() => say(process.env.VERSION ?? ''), 10);
require('node:http').createServer((request, answer) => {
  if (request.url === '/crash') { say('crashes'); process.exit(3); }
  answer.end('x');
}).listen(8000);
process.on('SIGTERM', () => { say('ends'); process.exit(0); });
`;

/** Reads lines until it is told to stop. */
class Reader {
  readonly lines: LogLine[] = [];
  readonly #controller = new AbortController();
  readonly #done: Promise<void>;

  constructor(deployment: LifecycleDeployment, resource?: string, options: LogOptions = {}) {
    const { signal } = this.#controller;
    this.#done = (async () => {
      for await (const line of deployment.logs(resource, { ...options, follow: true, signal }))
        this.lines.push(line);
    })();
  }

  /** Waits until something was said. */
  async hears(what: string, said: (line: LogLine) => boolean): Promise<LogLine> {
    return eventually(what, () => Promise.resolve(this.lines.find(said)));
  }

  async stop(): Promise<readonly LogLine[]> {
    this.#controller.abort();
    await this.#done;
    return this.lines;
  }
}

interface Said {
  readonly n: number;
  readonly what: string;
  readonly line: LogLine;
}

/** What each life said, in the order in which it was read. */
function lives(lines: readonly LogLine[]): ReadonlyMap<string, readonly Said[]> {
  const found = new Map<string, Said[]>();
  for (const line of lines) {
    const [, life, n, what] = /^([0-9a-f]{8}) (\d+) (.*)$/.exec(line.text) ?? [];
    if (life === undefined) continue;
    found.set(life, [...(found.get(life) ?? []), { n: Number(n), what: what ?? '', line }]);
  }
  return found;
}

/** An engine reads both outputs by themselves: only of each is the order what was written. */
function assertWhole(lines: readonly LogLine[]): void {
  for (const [life, said] of lives(lines)) {
    const first = Math.min(...said.map(({ n }) => n));
    for (const stream of ['stdout', 'stderr'] as const) {
      const numbers = said.filter(({ line }) => line.stream === stream).map(({ n }) => n);
      // Whoever comes in the middle comes somewhere in the engine's own order, which may have a later line of the other output first.
      const start = first === 0 ? (stream === 'stdout' ? 0 : 1) : (numbers[0] ?? first);
      assert.deepEqual(
        numbers,
        numbers.map((_, index) => start + 2 * index),
        `${life} of ${said[0]?.line.container}`,
      );
    }
  }
}

describe('followed logs', function () {
  this.timeout(90_000);
  const lab = new Lab();

  afterEach(() => lab.clear());

  function pool(stack: Stack, version = '1'): Stack {
    const counts = stack.app('counts', {
      image: 'node:24-slim',
      command: ['node', '-e', counter],
      env: { VERSION: version },
    });
    stack.pool('workers', { app: counts, replicas: 2, drainTimeoutMs: 500 });
    return stack;
  }

  it('go on through a crash, a restart, scaling and a new version: no line twice, none lost', async () => {
    const stack = lab.stack();
    const deployment = await lab.runtime.up(pool(stack));
    const reader = new Reader(deployment, 'workers');
    const of = (name: string) => (line: LogLine) => line.container === `${stack.name}-${name}`;
    await reader.hears('worker 1', of('workers-1'));
    await docker(
      'exec',
      `${stack.name}-workers-1`,
      'node',
      '-e',
      "fetch('http://localhost:8000/crash')",
    ).catch(() => undefined);
    await reader.hears('that it was started again', ({ seam }) => seam === 'restarted');
    await docker('restart', `${stack.name}-workers-2`);
    await deployment.scale('workers', 3);
    await reader.hears('worker 3', of('workers-3'));
    await lab.runtime.up(pool(lab.again(stack), '2'));
    const saying = (word: string): number =>
      [...lives(reader.lines).values()].filter((said) => said.some(({ what }) => what === word)).length;
    // To its last word, but for those that still live.
    await eventually('both of the new version', () => Promise.resolve(saying('2') === 2 || undefined));
    await eventually('the last words', () => Promise.resolve(saying('ends') === 4 || undefined));
    const lines = await reader.stop();
    assertWhole(lines);
    assert.deepEqual([saying('2'), saying('ends')], [2, 4]);
    // Two at first, one after a crash, one after a restart, one more, and two of the new version.
    const all = [...lives(lines).values()];
    assert.equal(all.length, 7);
    // From its first word on, which an engine that reads the other output first tells second.
    assert.ok(all.every((said) => said.some(({ n, what }) => n === 0 && what === 'begins')));
    assert.equal(all.filter((said) => said.some(({ what }) => what === 'crashes')).length, 1);
    const seams = all.map(([first]) => first?.line.seam);
    assert.deepEqual(
      [undefined, 'restarted', 'joined'].map((seam) => seams.filter((each) => each === seam).length),
      [2, 2, 3],
    );
  });

  it('lose nothing where the connection to the engine is cut again and again', async () => {
    await using proxy = await FaultProxy.start();
    const cut = new Lab({ host: proxy.host });
    try {
      const deployment = await cut.runtime.up(pool(cut.stack()));
      const reader = new Reader(deployment);
      for (let round = 0; round < 8; round++) {
        const before = reader.lines.length;
        await eventually('more lines', () => Promise.resolve(reader.lines.length > before + 20 || undefined));
        proxy.cut();
        if (round === 4) await docker('restart', `${deployment.stack}-workers-1`);
      }
      const lines = await reader.stop();
      assertWhole(lines);
      assert.equal(lives(lines).size, 3);
    } finally {
      await cut.clear();
    }
  });

  it('begin with the last lines, or at a moment, and go on from there', async () => {
    const deployment = await lab.runtime.up(pool(lab.stack()));
    await eventually('some lines', async () => {
      let count = 0;
      for await (const _ of deployment.logs('workers')) count++;
      return count > 200 || undefined;
    });
    const tail = new Reader(deployment, 'workers', { tail: 3 });
    await eventually('lines', () => Promise.resolve(tail.lines.length > 50 || undefined));
    assertWhole(await tail.stop());
    for (const [said] of lives(tail.lines).values()) assert.ok((said?.n ?? 0) > 10, String(said?.n));
    const since = new Date();
    const later = new Reader(deployment, 'workers', { since });
    await eventually('lines', () => Promise.resolve(later.lines.length > 50 || undefined));
    assertWhole(await later.stop());
    for (const { line } of [...lives(later.lines).values()].flat())
      assert.ok(new Date(line.at) >= since, line.at);
  });

  it('of a container that says nothing end at once with their signal', async () => {
    const stack = lab.stack();
    const quiet = { image: 'node:24-slim', command: ['node', '-e', 'setInterval(() => {}, 1000)'] };
    stack.service('quiet', { ...quiet, stopGraceMs: 0 });
    const deployment = await lab.runtime.up(stack);
    const reader = new Reader(deployment);
    await docker('pause', `${stack.name}-quiet`);
    const began = performance.now();
    assert.deepEqual(await reader.stop(), []);
    // The container would be silent for ever.
    assert.ok(performance.now() - began < 5000);
  });

  it('go on through many rotations, as do past lines and what errors quote', async () => {
    const stack = lab.stack();
    // Each line is of about 200 bytes on the disk, so that a file is full after a tenth of a second.
    stack.app('counts', {
      image: 'node:24-slim',
      command: ['node', '-e', counter.replace("'\\n')", "' '.padEnd(300, 'x') + '\\n')")],
      logging: { driver: 'json-file', maxSizeBytes: 4096, maxFiles: 2 },
    });
    const deployment = await lab.runtime.up(stack);
    const reader = new Reader(deployment, 'counts');
    await reader.hears('two hundred lines', ({ text }) => / 20\d /.test(text));
    const lines = await reader.stop();
    assertWhole(lines);
    const [said = []] = lives(lines).values();
    assert.ok(said.length > 150, `${said.length} lines`);
    // More than one file holds.
    const past: LogLine[] = [];
    for await (const line of deployment.logs('counts', { tail: 15 })) past.push(line);
    assert.equal(past.length, 15);
    assertWhole(past);
  });

  it('have an end by default, and say so where there is nothing to read', async () => {
    const stack = lab.stack();
    const silent = { image: 'node:24-slim', logging: { driver: 'none' } };
    stack.app('app', lightApp());
    stack.router('web', { publish: { port: 0, host: '127.0.0.1' }, logging: { maxFiles: 7 } });
    stack.app('silent', { ...silent, command: ['node', '-e', counter] });
    const deployment = await lab.runtime.up(stack);
    const logOf = async (name: string): Promise<unknown> =>
      JSON.parse(
        await docker('inspect', '--format', '{{json .HostConfig.LogConfig}}', `${stack.name}-${name}`),
      );
    const Config = { 'max-size': '10485760', 'max-file': '3' };
    assert.deepEqual(await logOf('app'), { Type: 'json-file', Config });
    assert.deepEqual(await logOf('web'), { Type: 'json-file', Config: { ...Config, 'max-file': '7' } });
    await assert.rejects(
      async () => {
        for await (const line of deployment.logs('silent')) assert.fail(line.text);
      },
      (error) =>
        isPlumbstackError(error, 'ENGINE_FAILED') &&
        error.message.includes(`${stack.name}-silent`) &&
        /logging driver keeps nothing/.test(error.hint ?? ''),
    );
    const broken = lab.again(stack);
    broken.app('silent', { ...silent, command: ['node', '-e', 'process.exit(3)'], startTimeoutMs: 3000 });
    await assert.rejects(
      lab.runtime.up(broken),
      (error) =>
        isPlumbstackError(error, 'START_FAILED') &&
        error.details['exitCode'] === 3 &&
        /cannot be read: its logging driver keeps nothing/.test(error.message),
    );
  });
});

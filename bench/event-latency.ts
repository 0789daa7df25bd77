// From `docker kill` to the word of it: our event beside `docker events`, and `docker compose events` beside `docker events`, for
// kills of the same container. Then the memory that a day's worth of events leaves behind.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Stack } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';
import { connect, type DockerClient } from '@plumbstack/docker/client';
import { LifecycleEmitter } from '@plumbstack/events';
import { lightImage } from './support/light-server';
import { median, row } from './support/measure';

const rounds = Number(process.env['ROUNDS'] ?? 20);
/** Twelve a second. */
const aDay = 1_000_000;
const job = { image: lightImage, command: ['sleep', '86400'], init: true };

/** What tells of an end: the moment at which it did, for each end. */
interface Teller extends AsyncDisposable {
  next(): Promise<number>;
}

/** A program that writes a line for each event; the line of an end has this in it. */
class Program implements Teller {
  readonly #child;
  readonly #lines: AsyncIterator<string, undefined>;
  readonly #mark: RegExp;

  constructor(command: readonly string[], mark: RegExp, cwd?: string) {
    const [program = '', ...args] = command;
    this.#child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#mark = mark;
  }

  async next(): Promise<number> {
    for (;;) {
      const line = await this.#lines.next();
      if (line.done === true) throw new Error('it ended');
      if (this.#mark.test(line.value)) return performance.now();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill();
    await once(this.#child, 'close');
  }
}

function dockerEvents(container: string): Program {
  const filters = ['--filter', `container=${container}`, '--filter', 'event=die'];
  return new Program(['docker', 'events', ...filters, '--format', '{{json .}}'], /"die"/);
}

/** Kills and starts a container again and again; how long after the kill was sent each teller told, in milliseconds. */
async function measure(
  client: DockerClient,
  container: string,
  tellers: readonly Teller[],
): Promise<readonly number[][]> {
  const took: number[][] = tellers.map(() => []);
  for (let round = -1; round < rounds; round++) {
    // The first one only shows that everybody listens.
    const told = tellers.map((each) => each.next());
    if (round === -1) await new Promise((resolve) => setTimeout(resolve, 2000));
    const start = performance.now();
    await client.signalContainer(container, 'SIGKILL');
    const moments = await Promise.all(told);
    if (round >= 0) moments.forEach((moment, index) => took[index]?.push(moment - start));
    await client.startContainer(container);
  }
  return took;
}

async function ours(client: DockerClient): Promise<readonly number[][]> {
  await using runtime = new DockerRuntime();
  const stack = new Stack('bench-events');
  stack.service('job', { ...job, stopGraceMs: 0 });
  const deployment = await runtime.up(stack);
  try {
    const stream = deployment.events.stream({ filter: ({ type }) => type === 'container:stopped' });
    const events = stream[Symbol.asyncIterator]();
    const teller: Teller = {
      next: async () => (await events.next(), performance.now()),
      [Symbol.asyncDispose]: async () => void (await events.return?.()),
    };
    await using raw = dockerEvents('bench-events-job');
    await using told = teller;
    return await measure(client, 'bench-events-job', [told, raw]);
  } finally {
    await runtime.down(stack);
  }
}

async function compose(client: DockerClient): Promise<readonly number[][]> {
  const folder = await mkdtemp(join(tmpdir(), 'plumbstack-bench-'));
  const command = ['docker', 'compose', '-p', 'bench-events-compose'];
  const ends = async (...args: readonly string[]): Promise<void> => {
    const child = spawn('docker', [...command.slice(1), ...args], { cwd: folder, stdio: 'ignore' });
    await once(child, 'close');
  };
  try {
    await writeFile(join(folder, 'compose.yaml'), JSON.stringify({ services: { job } }));
    await ends('up', '--detach');
    const container = 'bench-events-compose-job-1';
    await using told = new Program([...command, 'events', '--json'], /"action":"die"/, folder);
    await using raw = dockerEvents(container);
    return await measure(client, container, [told, raw]);
  } finally {
    await ends('down', '--timeout', '0');
    await rm(folder, { recursive: true });
  }
}

/** What a million events leave in memory, in MiB, with a listener and a stream that is read. */
async function memory(): Promise<number> {
  const emitter = new LifecycleEmitter();
  let heard = 0;
  emitter.source.on('*', () => heard++);
  const controller = new AbortController();
  const reading = (async () => {
    for await (const _ of emitter.source.stream({ signal: controller.signal })) heard++;
  })();
  const payload = { resource: 'shop/workers', queued: 3 };
  const round = async (count: number): Promise<void> => {
    for (let each = 0; each < count; each++) {
      emitter.emit('shop', 'pool:queue', payload);
      if (each % 1000 === 0) await new Promise(setImmediate);
    }
  };
  // The memory for who comes later is full after ten thousand: that is what stays.
  await round(20_000);
  const before = inUse();
  await round(aDay);
  const grown = inUse() - before;
  controller.abort();
  await reading;
  return grown / 2 ** 20;
}

function inUse(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

async function main(): Promise<void> {
  const client = await connect();
  const table: (readonly [string, readonly number[]])[] = [];
  const [event = [], beside = []] = await ours(client);
  table.push(['plumbstack, container:stopped', event], ['docker events, beside it', beside]);
  const [line = [], besideLine = []] = await compose(client);
  table.push(['docker compose events --json', line], ['docker events, beside that', besideLine]);
  client.close();
  console.log(row('told by', 'median ms', 'slowest ms'));
  console.log(row('---', '---', '---'));
  for (const [name, took] of table) console.log(row(name, median(took), Math.max(...took)));
  console.log(`\n${aDay} events, read and listened to, leave ${(await memory()).toFixed(1)} MiB`);
}

void main();

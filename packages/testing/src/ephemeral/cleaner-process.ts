import { argv, exit, stdin, stdout } from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Runtime } from '@plumbstack/core';
import { runtimeOf } from './runtime-module.js';

/** What the process is started with, as JSON. */
export interface CleanerStart {
  readonly url: string;
  readonly export: string;
  readonly options?: object;
}

/** What it is told, one JSON line each: a stack's name that is to be cleaned, or that is clean. */
export type CleanerWord = { readonly add: string } | { readonly done: string };

const attempts = 20;
const pauseMs = 3000;

/**
 * Takes down what its parent has left. Its input is a pipe that only the parent holds: it ends when the parent does, also
 * when that is killed with SIGKILL and can do nothing any more. Nothing is left of this process then, however the engine does.
 */
export async function cleanUp(start: CleanerStart): Promise<void> {
  let runtime: Runtime;
  try {
    runtime = await runtimeOf(start.url, start.export, start.options);
  } catch (error) {
    stdout.write(`${JSON.stringify({ failed: error instanceof Error ? error.message : String(error) })}\n`);
    return;
  }
  stdout.write(`${JSON.stringify({ ready: true })}\n`);
  // Nobody reads any more: that is no reason to leave anything behind.
  stdout.on('error', () => undefined);
  const stacks = new Set<string>();
  for await (const line of createInterface({ input: stdin })) {
    const word = JSON.parse(line) as CleanerWord;
    if ('add' in word) stacks.add(word.add);
    else stacks.delete(word.done);
  }
  await Promise.all([...stacks].map((stack) => takeDown(runtime, stack)));
}

/** An engine that is away may come back; one that stays away is not waited for longer than a minute or two. */
async function takeDown(runtime: Runtime, stack: string): Promise<void> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    try {
      await runtime.down(stack, { volumes: true, timeoutMs: 60_000 });
      return;
    } catch {
      await delay(pauseMs);
    }
  }
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  // A terminal's Ctrl-C is for the program, not for what cleans up behind it.
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
  void cleanUp(JSON.parse(argv[2] ?? '{}') as CleanerStart).finally(() => exit());
}

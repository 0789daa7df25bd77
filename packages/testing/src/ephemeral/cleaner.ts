import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { PlumbstackError } from '@plumbstack/core';
import type { CleanerStart, CleanerWord } from './cleaner-process.js';
import { locate, type RuntimeModule } from './runtime-module.js';

const script = fileURLToPath(new URL('./cleaner-process.js', import.meta.url));
const readyMs = 30_000;

/** One process beside this one for each way to make a runtime, for as long as this one lives. */
const running = new Map<string, Promise<Cleaner>>();

/** The process that takes down what this one leaves behind. */
export class Cleaner {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  static async of(module: RuntimeModule): Promise<Cleaner> {
    const start: CleanerStart = {
      url: locate(module),
      export: module.export,
      ...(module.options !== undefined && { options: module.options }),
    };
    const key = JSON.stringify(start);
    const found = running.get(key) ?? Cleaner.#start(key);
    running.set(key, found);
    return found.catch((error: unknown) => {
      running.delete(key);
      throw error;
    });
  }

  /** From now on the stack is taken down when this process ends. */
  add(stack: string): Promise<void> {
    return this.#say({ add: stack });
  }

  /** The stack is gone. */
  done(stack: string): Promise<void> {
    return this.#say({ done: stack });
  }

  static async #start(start: string): Promise<Cleaner> {
    // In a session of its own, so that what ends this one's group does not end it.
    const child = spawn(process.execPath, [script, start], {
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    child.on('error', () => undefined);
    child.stdin.on('error', () => undefined);
    const answer = once(createInterface({ input: child.stdout }), 'line') as Promise<[string]>;
    const ended = once(child, 'close').then((): [string] => [JSON.stringify({ failed: 'it ended' })]);
    const late = new Promise<[string]>((resolve) => {
      setTimeout(() => resolve([JSON.stringify({ failed: 'it does not begin' })]), readyMs).unref();
    });
    const [line] = await Promise.race([answer, ended, late]);
    const { failed } = JSON.parse(line) as { readonly failed?: string };
    if (failed !== undefined) {
      child.kill();
      throw new PlumbstackError('INVALID_OPTION', `the process that would clean up cannot: ${failed}`, {
        details: { path: 'cleaner', reason: failed },
        hint: 'It makes a runtime by import { <export> } from <module>, and new with the options.',
      });
    }
    // It lets this program end: that is what it waits for.
    for (const pipe of [child.stdin, child.stdout]) (pipe as unknown as { unref(): void }).unref();
    child.unref();
    return new Cleaner(child);
  }

  #say(word: CleanerWord): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#process.stdin?.write(`${JSON.stringify(word)}\n`, (error) => (error ? reject(error) : resolve()));
    });
  }
}

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { engineHost } from '../support/fault-proxy';
import type { VerbRequest } from './verb';

/** One line that the process wrote: a lifecycle event, or how its verb failed. */
export interface VerbEvent {
  readonly type: string;
  readonly code?: string;
  readonly message?: string;
  readonly holder?: string;
  readonly at?: string;
}

export interface VerbEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly events: readonly VerbEvent[];
  readonly stderr: string;
}

/** A verb that runs in a process of its own, where it can be killed or stopped. */
export class VerbProcess {
  readonly ended: Promise<VerbEnd>;
  readonly #child: ChildProcess;
  readonly #events: VerbEvent[] = [];
  readonly #listeners = new Set<() => void>();

  constructor(request: VerbRequest, host = engineHost) {
    const register = require.resolve('../support/register.cjs');
    const args = ['--require', register, join(__dirname, 'run-verb.ts'), JSON.stringify(request), host];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    createInterface(child.stdout).on('line', (line) => {
      this.#events.push(JSON.parse(line) as VerbEvent);
      for (const listener of this.#listeners) listener();
    });
    this.ended = this.#end(text(child.stderr));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Resolves at the first event of a type; rejects when the process ends without one. */
  async event(type: string): Promise<VerbEvent> {
    const found = new Promise<VerbEvent>((resolve) => {
      const look = (): void => {
        const event = this.#events.find((each) => each.type === type);
        if (event === undefined) return;
        this.#listeners.delete(look);
        resolve(event);
      };
      this.#listeners.add(look);
      look();
    });
    const end = this.ended.then(({ exitCode, stderr, events }) => {
      const event = events.find((each) => each.type === type);
      if (event !== undefined) return event;
      throw new Error(`ended with ${exitCode} without ${type}: ${JSON.stringify(events.at(-1))} ${stderr}`);
    });
    return Promise.race([found, end]);
  }

  /** Ends it at once, in the middle of whatever it does. */
  async kill(): Promise<VerbEnd> {
    this.#child.kill('SIGKILL');
    return this.ended;
  }

  /** Stops it where it is, as a machine that sleeps does. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  async #end(errors: Promise<string>): Promise<VerbEnd> {
    const [exitCode, signal] = (await once(this.#child, 'close')) as [number | null, NodeJS.Signals | null];
    return { exitCode, signal, events: this.#events, stderr: await errors };
  }
}

/** Runs a verb to its end in a process of its own; rejects where it failed. */
export async function runVerb(request: VerbRequest, host?: string): Promise<VerbEnd> {
  const end = await new VerbProcess(request, host).ended;
  if (end.exitCode === 0) return end;
  const failure = end.events.find(({ type }) => type === 'verb:failed')?.message;
  throw new Error(`${request.verb} of ${request.stack} ended with ${end.exitCode}: ${failure ?? end.stderr}`);
}

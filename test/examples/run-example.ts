import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { freePort as anyFreePort } from '../support/free-port';
import { madeStacks } from '../support/left-behind';

const examples = join(__dirname, '..', '..', 'examples');

export interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * An example as a child process, under a stack name of its own: what a person, or another run of the tests, has running
 * is left alone.
 */
export class Example {
  readonly stack: string;
  readonly #folder: string;
  readonly #env: Readonly<Record<string, string>>;

  constructor(folder: string, env: Readonly<Record<string, string>>) {
    this.stack = `ex-${folder.replace(/^\d+-/, '')}-${process.pid}`;
    madeStacks.add(this.stack);
    this.#folder = join(examples, folder);
    this.#env = env;
  }

  up(): Promise<Ended> {
    return this.#run([]);
  }

  down(): Promise<Ended> {
    return this.#run(['--down']);
  }

  /**
   * As `npx ts-node main.ts` runs it, but for its types: `npm run lint` checks those of all examples at once. Resolves when the
   * program has ended by itself.
   */
  async #run(args: readonly string[]): Promise<Ended> {
    const tsNode = join(examples, 'node_modules', '.bin', 'ts-node');
    const child = spawn(tsNode, ['main.ts', ...args], {
      cwd: this.#folder,
      // Without what leads this process's own ts-node to the tests' project.
      env: {
        ...process.env,
        ...{ TS_NODE_PROJECT: undefined, TS_NODE_TRANSPILE_ONLY: 'true' },
        ...this.#env,
        STACK: this.stack,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 240_000,
    });
    const [stdout, stderr, [exitCode, signal]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[number | null, string | null]>,
    ]);
    if (exitCode === null) throw new Error(`main.ts ended by ${signal}\n${stdout}\n${stderr}`);
    return { exitCode, stdout, stderr };
  }
}

/** A port that nothing listens on at this moment. */
export async function freePort(): Promise<string> {
  return String(await anyFreePort());
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly location: string | null;
  readonly body: string;
}

export async function get(url: string): Promise<Answer> {
  const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(15_000) });
  const { status, headers } = response;
  return {
    status,
    type: headers.get('content-type') ?? '',
    location: headers.get('location'),
    body: await response.text(),
  };
}

/** Whether a connection to the port is refused or broken off at once. */
export async function isClosed(port: string): Promise<boolean> {
  return get(`http://127.0.0.1:${port}/`).then(
    () => false,
    () => true,
  );
}

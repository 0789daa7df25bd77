// @ts-check
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { SetupError } from './setup-error.mjs';

/** How much of a failed command's output its error shows. */
const shownLines = 30;

// The folders of system commands are not in every root's PATH: `su` without a dash leaves them out.
const searchPath = [process.env.PATH, '/usr/local/sbin', '/usr/sbin', '/sbin'].join(delimiter);

/** The environment of every command that set-up runs. */
export const baseEnv = { ...process.env, PATH: searchPath };

/** @param {string} text @param {number} count */
export const lastLines = (text, count) => text.trimEnd().split('\n').slice(-count).join('\n');

/** @param {string} command */
export function hasCommand(command) {
  return searchPath.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Runs a command to its end and returns its stdout. Nothing can be asked: stdin is closed.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ timeoutMs: number, cwd?: string, env?: Record<string, string> }} options
 */
export async function run(command, args, { timeoutMs, cwd, env }) {
  const running = promisify(execFile)(command, args, {
    cwd,
    env: { ...baseEnv, ...env },
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: Infinity,
  });
  running.child.stdin?.end();
  try {
    return (await running).stdout;
  } catch (cause) {
    const { code, killed, stdout = '', stderr = '' } = /** @type {any} */ (cause);
    const ending = killed ? `did not end within ${timeoutMs / 1000} s` : `failed (${code})`;
    const output = lastLines(`${stdout}\n${stderr}`, shownLines);
    throw new SetupError(`${command} ${args.join(' ')} ${ending}:\n${output}`, { cause });
  }
}

/**
 * Runs work and returns how long it took, as people say it.
 * @param {() => Promise<unknown>} work
 */
export async function timed(work) {
  const start = performance.now();
  await work();
  return `${Math.ceil((performance.now() - start) / 1000)} s`;
}

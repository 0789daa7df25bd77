import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { docker } from './docker-cli';

/** Path of a browser of this machine; nothing where it has none. */
export function browserPath(): string | undefined {
  const { PLUMBSTACK_BROWSER } = process.env;
  const names = PLUMBSTACK_BROWSER === undefined ? ['chromium', 'google-chrome'] : [PLUMBSTACK_BROWSER];
  return names.map(pathOf).find((path) => path !== '');
}

function pathOf(command: string): string {
  return spawnSync('which', [command], {
    env: { PATH: `${process.env['PATH']}:/usr/bin` },
    encoding: 'utf8',
  }).stdout.trim();
}

// As root, and in a container, Chromium's own sandbox cannot start; it is shown our own pages only.
const args = ['--no-sandbox', '--disable-dev-shm-usage'];

export function startBrowser(executablePath: string, more: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath, args: [...args, ...more] });
}

/**
 * A browser in the network of a container. Chromium gives up what it is loading whenever an address of its machine comes or
 * goes, which other tests' networks make happen all the time; in there, nothing comes or goes.
 */
export class BrowserInside implements AsyncDisposable {
  private constructor(
    readonly browser: Browser,
    private readonly folder: string,
  ) {}

  /** Whether this process may enter the networks of containers: it is root where they run. */
  static async isPossible(container: string): Promise<boolean> {
    return spawnSync('nsenter', ['-t', await pidOf(container), '-n', 'true']).status === 0;
  }

  static async start(
    executablePath: string,
    container: string,
    more: readonly string[],
  ): Promise<BrowserInside> {
    const folder = mkdtempSync(join(tmpdir(), 'plumbstack-browser-'));
    const script = join(folder, 'browser');
    const pid = await pidOf(container);
    writeFileSync(script, `#!/bin/sh\nexec nsenter -t ${pid} -n -- '${executablePath}' "$@"\n`);
    chmodSync(script, 0o755);
    return new BrowserInside(await startBrowser(script, more), folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function pidOf(container: string): Promise<string> {
  const pid = await docker('inspect', '--format', '{{.State.Pid}}', container);
  if (!/^[1-9]\d*$/.test(pid)) throw new Error(`${container} does not run`);
  return pid;
}

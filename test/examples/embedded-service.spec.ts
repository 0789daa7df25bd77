import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { browserPath, startBrowser } from '../support/browser';
import { docker } from '../support/docker-cli';
import { eventually } from '../support/lab';
import { Example, freePort } from './run-example';

const folder = join(__dirname, '../../examples/08-embedded-service');

describe('example 08-embedded-service', function () {
  this.timeout(180_000);
  let example: Example;
  let service: ChildProcess;
  let browser: Browser;
  let page: Page;
  let port: string;

  before(async function () {
    const executablePath = browserPath();
    if (executablePath === undefined) {
      console.log('    left out: this machine has no Chromium, and set-up could not install it');
      this.skip();
    }
    port = await freePort();
    example = new Example('08-embedded-service', { PORT: port });
    await start();
    browser = await startBrowser(executablePath);
    page = await browser.newPage();
  });

  after(async () => {
    await browser?.close();
    if (service !== undefined) await stop();
    if (example !== undefined) assert.equal((await example.down()).exitCode, 0);
  });

  async function start(): Promise<void> {
    service = spawn(join(folder, '../node_modules/.bin/ts-node'), ['main.ts'], {
      cwd: folder,
      env: { ...process.env, TS_NODE_PROJECT: undefined, PORT: port, STACK: example.stack },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    await eventually(
      'the service answers',
      async () => (await fetch(`http://127.0.0.1:${port}/`)).ok || undefined,
    );
  }

  async function stop(): Promise<void> {
    service.kill('SIGTERM');
    const [code] = (await once(service, 'exit')) as [number | null];
    assert.equal(code, 0, 'the service did not end by itself');
  }

  function lines(): Promise<readonly string[]> {
    return page.locator('#events li').allTextContents();
  }

  async function told(line: string): Promise<void> {
    await page.locator('#events li', { hasText: line }).first().waitFor({ timeout: 60_000 });
  }

  it('deploys from its page, and shows what happens as it happens', async () => {
    await page.goto(`http://127.0.0.1:${port}/`);
    await page.getByRole('button', { name: 'Deploy' }).click();
    await told(`stack:up:started ${example.stack}`);
    await told(`worker:joined ${example.stack}-workers-1`);
    await told(`stack:up:finished ${example.stack}`);
    await page.locator('#answer', { hasText: 'version 1 is up' }).waitFor();
    await page.locator('#health', { hasText: /^healthy$/ }).waitFor();
    const url = /http:\S+/.exec((await page.locator('#answer').textContent()) ?? '')?.[0] ?? '';
    assert.equal(((await (await fetch(url)).json()) as { version: string }).version, '1');
  });

  it('shows what somebody else does to its containers', async () => {
    await docker('kill', `${example.stack}-workers-2`);
    await told(`container:stopped ${example.stack}-workers-2`);
    await told(`worker:unhealthy ${example.stack}-workers-2`);
    await page.locator('#health', { hasText: 'not healthy' }).waitFor();
    await docker('start', `${example.stack}-workers-2`);
    await told(`worker:recovered ${example.stack}-workers-2`);
    const all = (await lines()).filter((each) => each.endsWith('workers-2'));
    assert.deepEqual(all.slice(-4), [
      `container:stopped ${example.stack}-workers-2`,
      `worker:unhealthy ${example.stack}-workers-2`,
      `container:started ${example.stack}-workers-2`,
      `worker:recovered ${example.stack}-workers-2`,
    ]);
  });

  it('tells a browser that was away what it has missed, once', async () => {
    const before = (await lines()).length;
    await page.context().setOffline(true);
    await docker('pause', `${example.stack}-workers-1`);
    await docker('unpause', `${example.stack}-workers-1`);
    await docker('restart', `${example.stack}-workers-1`);
    await page.context().setOffline(false);
    await eventually('what was missed', async () => {
      const now = (await lines()).slice(before);
      return now.includes(`container:started ${example.stack}-workers-1`) || undefined;
    });
    const items = await page.locator('#events li').all();
    const numbers = await Promise.all(items.map((item) => item.getAttribute('data-seq')));
    assert.equal(new Set(numbers).size, numbers.length);
  });

  it('finds its stack again when it is started again', async () => {
    await stop();
    await start();
    await page.goto(`http://127.0.0.1:${port}/`);
    await page.locator('#health', { hasText: /^healthy$/ }).waitFor();
    await docker('restart', `${example.stack}-workers-1`);
    await told(`container:started ${example.stack}-workers-1`);
  });

  it('does nothing for the page of another site', async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/deploy`, {
      method: 'POST',
      headers: { origin: 'http://evil.example', 'content-type': 'application/json' },
      body: JSON.stringify({ version: '2' }),
    });
    assert.equal(answer.status, 403);
  });
});

import assert from 'node:assert/strict';
import { Example, freePort, isClosed } from './run-example';

describe('example 06-session-cookies', function () {
  this.timeout(300_000);
  let example: Example;
  let port: string;
  let lines: readonly string[];

  before(async () => {
    port = await freePort();
    example = new Example('06-session-cookies', { PORT: port });
    const { exitCode, stdout, stderr } = await example.up();
    assert.equal(exitCode, 0, `${stdout}${stderr}`);
    lines = stdout.trim().split('\n');
  });

  after(async () => {
    const { exitCode, stderr } = await example.down();
    assert.equal(exitCode, 0, stderr);
    assert.ok(await isClosed(port), 'the router still answers');
  });

  // The program itself ends with an error where a count is not one more than the one before.
  it('who logs in at one worker is known at all, also while they are killed and replaced', () => {
    assert.match(lines[0] ?? '', /^ann has logged in at workers-\d+$/);
    const [, count, workers] = /^ann has counted to (\d+), with (\d+) workers$/.exec(lines[1] ?? '') ?? [];
    assert.ok(Number(count) >= 30 && Number(workers) >= 3, lines.join('\n'));
  });

  it('another key ends the sessions, and begins new ones', () => {
    assert.equal(lines[2], 'with another key: HTTP 401');
    assert.match(lines[3] ?? '', /^ann has counted to \d+, with 3 workers$/);
  });
});

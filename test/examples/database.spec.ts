import assert from 'node:assert/strict';
import { Example, freePort, isClosed } from './run-example';

describe('example 05-database', function () {
  this.timeout(300_000);
  let example: Example;
  let port: string;
  let lines: readonly string[];

  before(async () => {
    port = await freePort();
    example = new Example('05-database', { PORT: port });
    const { exitCode, stdout, stderr } = await example.up();
    assert.equal(exitCode, 0, stderr);
    lines = stdout.trim().split('\n');
  });

  after(async () => {
    const { exitCode, stderr } = await example.down();
    assert.equal(exitCode, 0, stderr);
    assert.ok(await isClosed(port), 'the router still answers');
  });

  it('no visit is lost or counted twice while workers are killed and replaced', () => {
    const [, counted, visits, workers] =
      /^counted: (\d+) of (\d+), by (\d+) workers$/.exec(lines[1] ?? '') ?? [];
    assert.equal(counted, visits, lines.join('\n'));
    assert.ok(Number(counted) >= 30, lines.join('\n'));
    assert.ok(Number(workers) > 1, lines.join('\n'));
  });

  it('what one worker has put into the cache, the others find', () => {
    assert.deepEqual(lines.slice(2), [
      'the first report comes from the database',
      'the second report comes from the cache',
    ]);
  });
});

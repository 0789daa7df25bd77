import assert from 'node:assert/strict';
import { RunningExample } from './running-example';

describe('example 05-database', function () {
  this.timeout(300_000);
  const example = new RunningExample('05-database');

  it('no visit is lost or counted twice while workers are killed and replaced', () => {
    const [, counted, visits, workers] =
      /^counted: (\d+) of (\d+), by (\d+) workers$/.exec(example.lines[1] ?? '') ?? [];
    assert.equal(counted, visits, example.lines.join('\n'));
    assert.ok(Number(counted) >= 30, example.lines.join('\n'));
    assert.ok(Number(workers) > 1, example.lines.join('\n'));
  });

  it('what one worker has put into the cache, the others find', () => {
    assert.deepEqual(example.lines.slice(2), [
      'the first report comes from the database',
      'the second report comes from the cache',
    ]);
  });
});

import assert from 'node:assert/strict';
import { RunningExample } from './running-example';

describe('example 06-session-cookies', function () {
  this.timeout(300_000);
  const example = new RunningExample('06-session-cookies');

  // The program itself ends with an error where a count is not one more than the one before.
  it('who logs in at one worker is known at all, also while they are killed and replaced', () => {
    assert.match(example.lines[0] ?? '', /^ann has logged in at workers-\d+$/);
    const [, count, workers] =
      /^ann has counted to (\d+), with (\d+) workers$/.exec(example.lines[1] ?? '') ?? [];
    assert.ok(Number(count) >= 30 && Number(workers) >= 3, example.lines.join('\n'));
  });

  it('another key ends the sessions, and begins new ones', () => {
    assert.equal(example.lines[2], 'with another key: HTTP 401');
    assert.match(example.lines[3] ?? '', /^ann has counted to \d+, with 3 workers$/);
  });
});

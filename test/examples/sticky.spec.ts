import assert from 'node:assert/strict';
import { RunningExample } from './running-example';

describe('example 07-sticky', function () {
  this.timeout(300_000);
  const example = new RunningExample('07-sticky');

  /** Requests per worker of a pool, as they are drawn. */
  function loads(pool: string): readonly number[] {
    const part = example.printed.split(`${pool}: `)[1]?.split(/^\w+: /m)[0] ?? '';
    return [...part.matchAll(/^ {2}w\d+ \S+ (\d+)$/gm)].map(([, requests]) => Number(requests));
  }

  it('all requests are answered in both pools', () => {
    for (const pool of ['sticky', 'free']) {
      assert.equal(loads(pool).length, 4, example.printed);
      assert.equal(
        loads(pool).reduce((sum, each) => sum + each, 0),
        100,
        example.printed,
      );
    }
  });

  it('clients that ask much meet on one worker of the sticky pool, and spread over the other', () => {
    assert.deepEqual(
      [...loads('sticky')].sort((a, b) => a - b),
      [6, 6, 6, 82],
      example.printed,
    );
    assert.ok(Math.max(...loads('free')) < 60, example.printed);
  });
});

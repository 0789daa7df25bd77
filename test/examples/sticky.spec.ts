import assert from 'node:assert/strict';
import { Example, freePort, isClosed } from './run-example';

describe('example 07-sticky', function () {
  this.timeout(300_000);
  let example: Example;
  let port: string;
  let printed: string;

  before(async () => {
    port = await freePort();
    example = new Example('07-sticky', { PORT: port });
    const { exitCode, stdout, stderr } = await example.up();
    assert.equal(exitCode, 0, stderr);
    printed = stdout;
  });

  after(async () => {
    const { exitCode, stderr } = await example.down();
    assert.equal(exitCode, 0, stderr);
    assert.ok(await isClosed(port), 'the router still answers');
  });

  /** Requests per worker of a pool, as they are drawn. */
  function loads(pool: string): readonly number[] {
    const part = printed.split(`${pool}: `)[1]?.split(/^\w+: /m)[0] ?? '';
    return [...part.matchAll(/^ {2}w\d+ \S+ (\d+)$/gm)].map(([, requests]) => Number(requests));
  }

  it('all requests are answered in both pools', () => {
    for (const pool of ['sticky', 'free']) {
      assert.equal(loads(pool).length, 4, printed);
      assert.equal(
        loads(pool).reduce((sum, each) => sum + each, 0),
        100,
        printed,
      );
    }
  });

  it('clients that ask much meet on one worker of the sticky pool, and spread over the other', () => {
    assert.deepEqual(
      [...loads('sticky')].sort((a, b) => a - b),
      [6, 6, 6, 82],
      printed,
    );
    assert.ok(Math.max(...loads('free')) < 60, printed);
  });
});

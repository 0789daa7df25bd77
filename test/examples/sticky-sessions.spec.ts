import assert from 'node:assert/strict';
import { Example, freePort, isClosed } from './run-example';

describe('example 04-sticky-sessions', function () {
  this.timeout(300_000);
  let example: Example;
  let port: string;
  let printed: string;

  before(async () => {
    port = await freePort();
    example = new Example('04-sticky-sessions', { PORT: port });
    const { exitCode, stdout, stderr } = await example.up();
    assert.equal(exitCode, 0, stderr);
    printed = stdout;
  });

  after(async () => {
    const { exitCode, stderr } = await example.down();
    assert.equal(exitCode, 0, stderr);
    assert.ok(await isClosed(port), 'the router still answers');
  });

  /** What was printed about one visitor's requests. */
  function requests(visitor: string): readonly { worker: string; basket: string }[] {
    return [...printed.matchAll(/^(\S+) puts in \w+: (\S+) has (.*)$/gm)]
      .filter(([, who]) => who === visitor)
      .map(([, , worker = '', basket = '']) => ({ worker, basket }));
  }

  it('a client that keeps its cookie stays on one worker', () => {
    const ann = requests('ann');
    assert.equal(ann.length, 6, printed);
    assert.equal(new Set(ann.map(({ worker }) => worker)).size, 1, printed);
    assert.equal(ann.at(-1)?.basket, 'tea, milk, honey, bread, jam, salt');
  });

  it('a client without cookies meets several workers', () => {
    const bob = requests('bob-without-cookies');
    assert.equal(bob.length, 6, printed);
    assert.ok(new Set(bob.map(({ worker }) => worker)).size > 1, printed);
    assert.notEqual(bob.at(-1)?.basket, 'tea, milk, honey, bread, jam, salt');
  });
});

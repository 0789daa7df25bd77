import assert from 'node:assert/strict';
import { RunningExample } from './running-example';

describe('example 04-sticky-sessions', function () {
  this.timeout(300_000);
  const example = new RunningExample('04-sticky-sessions');

  /** What was printed about one visitor's requests. */
  function requests(visitor: string): readonly { worker: string; basket: string }[] {
    return [...example.printed.matchAll(/^(\S+) puts in \w+: (\S+) has (.*)$/gm)]
      .filter(([, who]) => who === visitor)
      .map(([, , worker = '', basket = '']) => ({ worker, basket }));
  }

  it('a client that keeps its cookie stays on one worker', () => {
    const ann = requests('ann');
    assert.equal(ann.length, 6, example.printed);
    assert.equal(new Set(ann.map(({ worker }) => worker)).size, 1, example.printed);
    assert.equal(ann.at(-1)?.basket, 'tea, milk, honey, bread, jam, salt');
  });

  it('a client without cookies meets several workers', () => {
    const bob = requests('bob-without-cookies');
    assert.equal(bob.length, 6, example.printed);
    assert.ok(new Set(bob.map(({ worker }) => worker)).size > 1, example.printed);
    assert.notEqual(bob.at(-1)?.basket, 'tea, milk, honey, bread, jam, salt');
  });
});

import assert from 'node:assert/strict';
import { get } from './run-example';
import { RunningExample } from './running-example';

describe('example 03-load-balanced', function () {
  this.timeout(300_000);
  const example = new RunningExample('03-load-balanced', ['PORT', 'POOL_PORT']);

  /** Who answered how often, of a line such as `3 workers: workers-1: 14, workers-2: 13, workers-3: 13`. */
  function counts(line: number): ReadonlyMap<string, number> {
    const pairs = [...(example.lines[line] ?? '').matchAll(/([\w-]+): (\d+)(?:, |$)/g)];
    return new Map(pairs.map(([, who = '', times]) => [who, Number(times)]));
  }

  it('as many workers answer as there are', () => {
    const answering = [0, 2, 4, 5].map((line) => counts(line).size);
    assert.deepEqual(answering, [3, 5, 3, 2], example.lines.join('\n'));
  });

  it('no request fails while the pool grows and shrinks', () => {
    assert.equal(example.lines.length, 6, example.lines.join('\n'));
    assert.doesNotMatch(example.lines.join('\n'), /HTTP/);
    assert.ok([...counts(1).values()].reduce((sum, each) => sum + each, 0) >= 40, example.lines[1]);
    assert.ok([...counts(3).values()].reduce((sum, each) => sum + each, 0) >= 40, example.lines[3]);
  });

  it('workers share the requests', () => {
    for (const times of counts(0).values()) assert.ok(times >= 5, example.lines[0]);
  });

  it('the router and the published pool go on answering', async () => {
    assert.match((await get(`${example.url()}/app1/pi?points=1000000`)).body, /"pi":3\.1/);
    assert.match(
      (await get(`${example.url('POOL_PORT')}/factors?number=360`)).body,
      /"factors":\[2,2,2,3,3,5\]/,
    );
  });
});

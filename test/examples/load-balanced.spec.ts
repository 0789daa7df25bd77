import assert from 'node:assert/strict';
import { Example, freePort, get, isClosed } from './run-example';

describe('example 03-load-balanced', function () {
  this.timeout(300_000);
  let example: Example;
  let port: string;
  let poolPort: string;
  let lines: readonly string[];

  before(async () => {
    [port, poolPort] = [await freePort(), await freePort()];
    example = new Example('03-load-balanced', { PORT: port, POOL_PORT: poolPort });
    const { exitCode, stdout, stderr } = await example.up();
    assert.equal(exitCode, 0, stderr);
    lines = stdout.trim().split('\n');
  });

  after(async () => {
    const { exitCode, stderr } = await example.down();
    assert.equal(exitCode, 0, stderr);
    assert.ok(await isClosed(port), 'the router still answers');
    assert.ok(await isClosed(poolPort), 'the pool still answers');
  });

  /** Who answered how often, of a line such as `3 workers: workers-1: 14, workers-2: 13, workers-3: 13`. */
  function counts(line: number): ReadonlyMap<string, number> {
    const pairs = [...(lines[line] ?? '').matchAll(/([\w-]+): (\d+)(?:, |$)/g)];
    return new Map(pairs.map(([, who = '', times]) => [who, Number(times)]));
  }

  it('as many workers answer as there are', () => {
    const answering = [0, 2, 4, 5].map((line) => counts(line).size);
    assert.deepEqual(answering, [3, 5, 3, 2], lines.join('\n'));
  });

  it('no request fails while the pool grows and shrinks', () => {
    assert.equal(lines.length, 6, lines.join('\n'));
    assert.doesNotMatch(lines.join('\n'), /HTTP/);
    assert.ok([...counts(1).values()].reduce((sum, each) => sum + each, 0) >= 40, lines[1]);
    assert.ok([...counts(3).values()].reduce((sum, each) => sum + each, 0) >= 40, lines[3]);
  });

  it('workers share the requests', () => {
    for (const times of counts(0).values()) assert.ok(times >= 5, lines[0]);
  });

  it('the router and the published pool go on answering', async () => {
    assert.match((await get(`http://127.0.0.1:${port}/app1/pi?points=1000000`)).body, /"pi":3\.1/);
    assert.match(
      (await get(`http://127.0.0.1:${poolPort}/factors?number=360`)).body,
      /"factors":\[2,2,2,3,3,5\]/,
    );
  });
});

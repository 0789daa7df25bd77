import assert from 'node:assert/strict';
import { Stack } from '@plumbstack/core';
import { refusedPath } from './refusal';

describe('a Volume', () => {
  it('is local unless it says otherwise', () => {
    assert.deepEqual(new Stack('s').volume('v').toSpec(), {
      kind: 'volume',
      name: 'v',
      driver: 'local',
      driverOptions: {},
    });
    const nfs = { driver: 'nfs', driverOptions: { device: ':/export' } };
    assert.deepEqual(new Stack('s').volume('v', nfs).toSpec(), { kind: 'volume', name: 'v', ...nfs });
  });

  for (const [given, path] of [
    [{ driver: '' }, 'v.driver'],
    [{ driverOptions: { a: 1 } }, 'v.driverOptions.a'],
    [{ driverOptions: 'a=b' }, 'v.driverOptions'],
    [{ size: 5 }, 'v.size'],
    [null, 'v'],
  ] as const) {
    it(`refuses ${JSON.stringify(given)} at ${path}`, () => {
      assert.equal(
        refusedPath(() => new Stack('s').volume('v', given as never)),
        path,
      );
    });
  }
});

import assert from 'node:assert/strict';
import {
  createPlan,
  downOptions,
  logOptions,
  upOptions,
  waitOptions,
  type UpOptions,
  type WaitOptions,
} from '@plumbstack/core';
import { refusalOf, refusedPath } from './refusal';

describe("a verb's options", () => {
  it('are taken as they are where they are right, and none is needed', () => {
    const { signal } = new AbortController();
    assert.deepEqual(waitOptions('plan', {}), {});
    assert.deepEqual(waitOptions('plan', { signal, timeoutMs: Infinity }), { signal, timeoutMs: Infinity });
    const plan = createPlan('s', [], 'abc');
    const confirm = (): boolean => true;
    assert.deepEqual(upOptions({ plan, confirm, timeoutMs: 0 }), { plan, confirm, timeoutMs: 0 });
    assert.deepEqual(downOptions({ volumes: true }), { volumes: true });
    const since = new Date();
    assert.deepEqual(logOptions({ since, tail: 0, follow: true }), { since, tail: 0, follow: true });
  });

  it('that are undefined are left out', () => {
    const left = { signal: undefined, timeoutMs: undefined } as unknown as WaitOptions;
    assert.deepEqual(Object.keys(waitOptions('plan', left)), []);
  });

  const wrong: readonly (readonly [path: string, call: () => unknown])[] = [
    ['plan.volumes', () => waitOptions('plan', { volumes: true })],
    ['scale', () => waitOptions('scale', null)],
    ['scale', () => waitOptions('scale', 5)],
    ['list.timeoutMs', () => waitOptions('list', { timeoutMs: NaN })],
    ['list.timeoutMs', () => waitOptions('list', { timeoutMs: -1 })],
    ['list.signal', () => waitOptions('list', { signal: new AbortController() as unknown as AbortSignal })],
    ['up.plan', () => upOptions({ plan: '{}' as unknown as NonNullable<UpOptions['plan']> })],
    ['up.plan', () => upOptions({ plan: {} as NonNullable<UpOptions['plan']> })],
    ['up.confirm', () => upOptions({ confirm: true as unknown as () => boolean })],
    ['up.volumes', () => upOptions({ volumes: true })],
    ['down.volumes', () => downOptions({ volumes: 'yes' as unknown as boolean })],
    ['down.confirm', () => downOptions({ confirm: () => true })],
    ['logs.since', () => logOptions({ since: '2026-01-01' as unknown as Date })],
    ['logs.since', () => logOptions({ since: new Date('never') })],
    ['logs.tail', () => logOptions({ tail: -1 })],
    ['logs.follow', () => logOptions({ follow: 1 as unknown as boolean })],
    ['logs.timeoutMs', () => logOptions({ timeoutMs: 1 })],
  ];
  for (const [path, call] of wrong) {
    it(`are refused where one is wrong, with its path: ${path}`, () => assert.equal(refusedPath(call), path));
  }

  it('are refused with the one that was probably meant', () => {
    const error = refusalOf(() => downOptions({ volume: true }));
    assert.match(error.hint ?? '', /"volumes"/);
  });
});

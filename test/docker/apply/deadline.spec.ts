import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { isPlumbstackError } from '@plumbstack/core';
import { deadlineSignal, pauseFor, pollUntil, unlessAborted } from '@plumbstack/docker/internal';

/** Timers that run now. Mocha's own for a test starts once the test has waited for something. */
const timers = (): number => process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;
const begun = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;
const aborted = (signal: AbortSignal): Promise<unknown> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason), { once: true }));

describe('a signal with a deadline', () => {
  it("aborts with the caller's reason", () => {
    const caller = new AbortController();
    using signal = deadlineSignal('work', caller.signal, 60_000);
    assert.ok(!signal.aborted);
    const reason = new Error('enough');
    caller.abort(reason);
    assert.equal(signal.reason, reason);
  });

  it('is aborted from the start where the caller is', () => {
    const reason = new Error('before');
    using signal = deadlineSignal('work', AbortSignal.abort(reason), 60_000);
    assert.equal(signal.reason, reason);
  });

  it('says what took too long, and how long, when its time is up', async () => {
    using signal = deadlineSignal('up of shop', undefined, 5);
    const reason = await aborted(signal);
    assert.ok(isPlumbstackError(reason, 'TIMEOUT'));
    assert.match(reason.message, /up of shop took longer than 5 ms/);
    assert.deepEqual(reason.details, { timeoutMs: 5, waitedFor: [] });
    assert.match(reason.hint ?? '', /next run/);
  });

  it('keeps the reason that came first', async () => {
    const caller = new AbortController();
    using signal = deadlineSignal('work', caller.signal, 5);
    const reason = await aborted(signal);
    caller.abort(new Error('later'));
    assert.equal(signal.reason, reason);
  });

  it('never aborts by itself without a time, nor with one that no timer can wait for', async () => {
    await begun();
    const before = timers();
    for (const timeoutMs of [undefined, Infinity, 2 ** 31, Number.MAX_SAFE_INTEGER]) {
      using signal = deadlineSignal('work', undefined, timeoutMs);
      assert.ok(!signal.aborted);
      assert.equal(timers(), before);
    }
  });

  for (const [title, end] of [
    ['it is disposed of', (_: AbortController, signal: Disposable) => signal[Symbol.dispose]()],
    ['the caller has aborted', (caller: AbortController) => caller.abort()],
    ['its time is up', (_: AbortController, signal: AbortSignal) => aborted(signal)],
  ] as const) {
    it(`leaves neither timer nor listener once ${title}`, async () => {
      await begun();
      const before = timers();
      const caller = new AbortController();
      const signal = deadlineSignal('work', caller.signal, 5);
      assert.equal(listeners(caller.signal), 1);
      assert.equal(timers(), before + 1);
      await end(caller, signal);
      assert.equal(listeners(caller.signal), 0);
      assert.equal(timers(), before);
      signal[Symbol.dispose]();
    });
  }

  it('leaves neither where the caller had aborted before', () => {
    const caller = AbortSignal.abort();
    const signal = deadlineSignal('work', caller, 60_000);
    signal[Symbol.dispose]();
    assert.equal(listeners(caller), 0);
  });

  it('stays quiet after it has been disposed of', () => {
    const caller = new AbortController();
    const signal = deadlineSignal('work', caller.signal, 60_000);
    signal[Symbol.dispose]();
    caller.abort();
    assert.ok(!signal.aborted);
  });

  it('may have many listeners without a warning', () => {
    const warnings: Error[] = [];
    const note = (warning: Error): unknown => warnings.push(warning);
    process.on('warning', note);
    using signal = deadlineSignal('work', undefined, 60_000);
    for (let index = 0; index < 50; index++) signal.addEventListener('abort', () => index);
    return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      process.off('warning', note);
      assert.deepEqual(warnings, []);
    });
  });
});

describe('looking until there is something', () => {
  const { signal } = new AbortController();

  it('gives the first value that there is, also one that counts as false', async () => {
    let looks = 0;
    const look = async (): Promise<number | undefined> => (++looks === 3 ? 0 : undefined);
    assert.equal(await pollUntil(look, { signal, timeoutMs: 10_000, intervalMs: 1 }), 0);
    assert.equal(looks, 3);
  });

  it('looks at least once, and gives nothing when the time is over', async () => {
    let looks = 0;
    const look = async (): Promise<undefined> => void looks++;
    assert.equal(await pollUntil(look, { signal, timeoutMs: 0, intervalMs: 1000 }), undefined);
    assert.equal(looks, 1);
    assert.equal(await pollUntil(look, { signal, timeoutMs: 20, intervalMs: 5 }), undefined);
    assert.ok(looks > 2);
  });

  it('looks once more when the time is over, so that the last pause was not for nothing', async () => {
    const end = performance.now() + 15;
    const look = async (): Promise<true | undefined> => (performance.now() >= end ? true : undefined);
    assert.equal(await pollUntil(look, { signal, timeoutMs: 16, intervalMs: 10_000 }), true);
  });

  it("ends with the signal's reason, in a pause and before the first look", async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const options = { signal: controller.signal, timeoutMs: 60_000, intervalMs: 60_000 };
    const polling = pollUntil(async () => void setImmediate(() => controller.abort(reason)), options);
    await assert.rejects(polling, (error) => error === reason);
    assert.equal(listeners(controller.signal), 0);
    await assert.rejects(
      pollUntil(async () => assert.fail('it looked'), options),
      (error) => error === reason,
    );
  });

  it('fails with what a look fails with', async () => {
    const reason = new Error('broken');
    await assert.rejects(
      pollUntil(() => Promise.reject(reason), { signal, timeoutMs: 1000, intervalMs: 1 }),
      (error) => error === reason,
    );
  });
});

describe('a pause', () => {
  it("ends early with the signal's reason, and leaves no timer", async () => {
    await begun();
    const before = timers();
    const controller = new AbortController();
    const reason = new Error('enough');
    const pause = pauseFor(60_000, controller.signal);
    controller.abort(reason);
    await assert.rejects(pause, (error) => error === reason);
    assert.equal(timers(), before);
    assert.equal(listeners(controller.signal), 0);
  });
});

describe('work that knows no signal', () => {
  const reason = new Error('enough');

  it('has its own outcome where that comes first', async () => {
    const { signal } = new AbortController();
    assert.equal(await unlessAborted(signal, async () => 5), 5);
    const own = new Error('own');
    await assert.rejects(
      unlessAborted(signal, () => Promise.reject(own)),
      (error) => error === own,
    );
    await assert.rejects(
      unlessAborted(signal, () => {
        throw own;
      }),
      (error) => error === own,
    );
    assert.equal(listeners(signal), 0);
  });

  it("has the signal's reason where that comes first", async () => {
    const controller = new AbortController();
    const work = unlessAborted(controller.signal, () => new Promise(() => undefined));
    controller.abort(reason);
    await assert.rejects(work, (error) => error === reason);
    assert.equal(listeners(controller.signal), 0);
  });

  it('is not begun after an abort', async () => {
    await assert.rejects(
      unlessAborted(AbortSignal.abort(reason), () => assert.fail('it began')),
      (error) => error === reason,
    );
  });
});

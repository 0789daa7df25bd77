import { setMaxListeners } from 'node:events';

/**
 * A signal that aborts with another, or after a time, until it is disposed. What `AbortSignal.any` makes does the same, but
 * Node 20 keeps a trace of each on a signal that lives long, and for ever each that a listener was left on.
 * @param timeoutMs lets the program end meanwhile
 */
export function linkedSignal(whole: AbortSignal, timeoutMs?: number): AbortSignal & Disposable {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  const timeUp = (): void => controller.abort(new DOMException('it took too long', 'TimeoutError'));
  const timer = timeoutMs === undefined ? undefined : setTimeout(timeUp, timeoutMs).unref();
  const forward = (): void => controller.abort(whole.reason);
  whole.addEventListener('abort', forward, { once: true });
  if (whole.aborted) forward();
  return Object.assign(controller.signal, {
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      whole.removeEventListener('abort', forward);
    },
  });
}

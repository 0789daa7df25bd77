/** Compiled by `tsc -p test`, never run: listeners know what their event carries. */
import type { LifecycleEvent, LifecycleEventOf, LifecycleSource } from '@plumbstack/events';

declare const events: LifecycleSource;

export async function compiles(signal: AbortSignal): Promise<void> {
  using subscription = events.on('worker:joined', ({ type, worker, container, resource, stack, seq, at }) => {
    const name: 'worker:joined' = type;
    const texts: readonly string[] = [worker, container, resource, stack, at];
    const number: number = seq;
    void [name, texts, number];
  });
  subscription[Symbol.dispose]();
  events.on('*', (event) => {
    if (event.type === 'container:exited') void event.exitCode.toFixed();
    if (event.type === 'stack:up:planned') void event.plan.isEmpty;
  });
  events.once('app:healthy', async ({ container }) => Promise.resolve(container));
  for await (const event of events.stream({ signal, filter: ({ type }) => type.startsWith('worker:') })) {
    switch (event.type) {
      case 'image:build:progress':
        void event.status.trim();
        break;
      case 'stream:gap':
        void event.reason.trim();
        break;
    }
  }
  const listener = (event: LifecycleEventOf<'pool:scaled'>): number => event.to - event.from;
  events.on('pool:scaled', listener);
  events.off('pool:scaled', listener);
}

export function doesNotCompile(event: LifecycleEvent): void {
  // @ts-expect-error -- no such event
  events.on('worker:join', () => undefined);
  // @ts-expect-error -- an app that is healthy has no exit code
  events.on('app:healthy', ({ exitCode }) => exitCode);
  // @ts-expect-error -- nor has any event, before its type is known
  void event.exitCode;
  // @ts-expect-error -- what happened does not change
  event.stack = 'other';
  // @ts-expect-error -- a caller gets the half that listens
  events.emit('app:healthy', {});
  const scaled = (each: LifecycleEventOf<'pool:scaled'>): number => each.to;
  // @ts-expect-error -- a listener of another event
  events.on('worker:left', scaled);
  // @ts-expect-error -- a subscription is Disposable, not AsyncDisposable
  const ended: AsyncDisposable = events.on('app:healthy', () => undefined);
  void ended;
}

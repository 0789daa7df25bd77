import { resourcePath, type Step, type WaitOptions } from '@plumbstack/core';
import type { LifecycleEmitter, LifecycleEventMap, LifecycleEventName } from '@plumbstack/events';
import { withDeadline } from './abortable.js';
import type { EngineState, StackRecord } from './engine-state.js';
import { failureOf } from './failure-of.js';

/** What a runtime and its deployments share. */
export interface RuntimeContext {
  readonly state: EngineState;
  readonly emitter: LifecycleEmitter;
  /** How others call this runtime while they wait for it. */
  readonly holder: string;
}

/** One verb at work on one stack, while it has the turn. */
export interface Run {
  readonly state: EngineState;
  readonly stack: string;
  readonly signal: AbortSignal;
  emit<N extends LifecycleEventName>(name: N, payload: LifecycleEventMap[N]): void;
}

/** Waits for the stack's turn, then works under the caller's signal and deadline. */
export async function inTurn<T>(
  { state, emitter, holder }: RuntimeContext,
  stack: string,
  verb: string,
  options: WaitOptions,
  work: (run: Run) => Promise<T>,
): Promise<T> {
  return withDeadline(`${verb} of the stack "${stack}"`, options, async (signal) => {
    const emit: Run['emit'] = (name, payload) => void emitter.emit(stack, name, payload);
    let waited = false;
    using _turn = await state.turns.take(stack, `${holder} (${verb})`, signal, (other) => {
      waited = true;
      emit('lock:waiting', { holder: other });
    });
    if (waited) emit('lock:acquired', {});
    return await work({ state, stack, signal, emit });
  });
}

export function pathOf({ stack }: Run, name: string): string {
  return resourcePath(stack, name);
}

/** The stack's record, made where there is none. */
export function stackRecord({ state, stack }: Run): StackRecord {
  const record: StackRecord = state.stacks.get(stack) ?? { name: stack, wanted: [], resources: new Map() };
  state.stacks.set(stack, record);
  return record;
}

/** Tells a step's beginning and its end. */
export async function asStep(
  run: Run,
  { action, resource }: Pick<Step, 'action' | 'resource'>,
  work: () => Promise<void>,
): Promise<void> {
  const began = run.state.now().getTime();
  run.emit('step:started', { resource, action });
  try {
    run.signal.throwIfAborted();
    await work();
  } catch (error) {
    run.emit('step:failed', { resource, action, ...failureOf(error) });
    throw error;
  }
  run.emit('step:finished', { resource, action, durationMs: run.state.now().getTime() - began });
}

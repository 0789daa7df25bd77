import { isPlumbstackError, PlumbstackError } from '@plumbstack/core';
import { orAborted } from './abortable.js';

interface Waiter {
  readonly holder: string;
  readonly turn: Promise<void>;
  readonly begin: () => void;
}

/** Verbs that change one stack take turns, in the order in which they came. */
export class StackTurns {
  /** By stack; the first of a queue has the turn. */
  readonly #queues = new Map<string, Waiter[]>();

  /**
   * Waits for the turn; ends it when disposed. Calls `onWait` with who has it, where somebody has.
   * Throws `LOCKED` when the deadline comes first, and the signal's reason when it aborts.
   */
  async take(
    stack: string,
    holder: string,
    signal: AbortSignal,
    onWait: (holder: string) => void = () => undefined,
  ): Promise<Disposable> {
    const me = waiter(holder);
    const queue = this.#queues.get(stack) ?? [];
    this.#queues.set(stack, queue);
    queue.push(me);
    const [first] = queue;
    if (first !== undefined && first !== me) {
      onWait(first.holder);
      try {
        await orAborted(me.turn, signal);
      } catch (error) {
        this.#leave(stack, me);
        throw isPlumbstackError(error, 'TIMEOUT') ? locked(stack, first.holder, error) : error;
      }
    }
    return { [Symbol.dispose]: () => this.#leave(stack, me) };
  }

  #leave(stack: string, me: Waiter): void {
    const queue = this.#queues.get(stack) ?? [];
    const index = queue.indexOf(me);
    if (index < 0) return;
    queue.splice(index, 1);
    if (queue.length === 0) this.#queues.delete(stack);
    else if (index === 0) queue[0]?.begin();
  }
}

function waiter(holder: string): Waiter {
  let begin: () => void = () => undefined;
  const turn = new Promise<void>((resolve) => (begin = resolve));
  return { holder, turn, begin };
}

function locked(stack: string, holder: string, cause: PlumbstackError): PlumbstackError {
  return new PlumbstackError('LOCKED', `${holder} changes the stack "${stack}" and did not finish in time.`, {
    details: { stack, holder, ...cause.details },
    hint: 'Wait for it, or give a longer timeoutMs.',
    cause,
  });
}

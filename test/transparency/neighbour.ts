import { randomBytes } from 'node:crypto';
import { valuesOf, type Question } from './question';
import { Visitor, type Mode, type Way } from './ways';

/** What somebody has seen who asks the same app by the same way, and does nothing wrong. */
export interface Seen {
  readonly answered: number;
  readonly failures: readonly string[];
  /** Ids of what was to be done, each once, and whether it was answered. */
  readonly ids: ReadonlyMap<string, boolean>;
}

/** Asks for its own, one after the other, on connections that it keeps, until it leaves. */
export class Neighbour {
  readonly #visitor: Visitor;
  readonly #failures: string[] = [];
  readonly #ids = new Map<string, boolean>();
  readonly #done: Promise<void>;
  #here = true;
  #answered = 0;

  constructor(
    readonly way: Way,
    readonly mode: Mode,
    readonly method: 'GET' | 'POST',
  ) {
    this.#visitor = new Visitor(way, mode);
    this.#done = this.#stay();
  }

  get answered(): number {
    return this.#answered;
  }

  async leave(): Promise<Seen> {
    this.#here = false;
    await this.#done;
    await this.#visitor[Symbol.asyncDispose]();
    return { answered: this.#answered, failures: this.#failures, ids: this.#ids };
  }

  async #stay(): Promise<void> {
    while (this.#here) {
      const token = randomBytes(8).toString('hex');
      const why = await this.#ask(token).catch((error: Error) => error.message);
      if (this.method === 'POST') this.#ids.set(token, why === undefined);
      if (why === undefined) this.#answered++;
      else this.#failures.push(`${this.method} by ${this.way.title}, ${this.mode}: ${why}`);
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
  }

  async #ask(token: string): Promise<string | undefined> {
    const question: Question = {
      method: this.method,
      target: `/mine?api_key=${secret}`,
      headers: [['X-Token', token], ...(this.method === 'POST' ? ([['X-Id', token]] as const) : [])],
      ...(this.method === 'POST' && { framing: 'length', body: token }),
    };
    const answer = await this.#visitor.ask(question);
    const told = valuesOf(answer, 'x-token');
    const text = answer.body.toString('latin1');
    if (answer.status !== 200) return `${answer.status} ${answer.why ?? text.slice(0, 80)}`;
    if (!answer.whole) return `broken off: ${answer.why}`;
    if (told.length !== 1 || told[0] !== token) return `somebody else's: ${told.join() || text.slice(0, 80)}`;
    return text.startsWith('{"method"') && text.includes(`"token":"${token}"`)
      ? undefined
      : text.slice(0, 80);
  }
}

/** Part of queries: it must be in no log. */
export const secret = 's3cret-in-a-query';

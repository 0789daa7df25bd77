import { isPlumbstackError, PlumbstackError } from '@plumbstack/core';
import { noteCall } from './deadline.js';
import type {
  ContainerSummary,
  DockerClient,
  ImageDetails,
  NetworkSummary,
} from '../client/docker-client.js';

/** Names of what an engine has by its ids, as its answers told them. A long-lived process forgets the oldest. */
class KnownNames {
  readonly #names = new Map<string, string>();

  learn(id: string, name: string): void {
    this.#names.delete(id);
    this.#names.set(id, name);
    if (this.#names.size > mostNames)
      for (const oldest of this.#names.keys()) return void this.#names.delete(oldest);
  }

  /** The text with a name in the place of each id that has one. A digest behind an image's name is a part of that. */
  in(text: string): string {
    return text.replace(/(?<![@\w])(?:sha256:)?[0-9a-f]{64}(?!\w)/g, (id) => this.#names.get(id) ?? id);
  }
}

const mostNames = 10_000;

type Learn = (names: KnownNames, answer: unknown, args: readonly unknown[]) => void;

const fromList: Learn = (names, answer) => {
  for (const { id, name } of answer as readonly (ContainerSummary | NetworkSummary)[]) names.learn(id, name);
};

const fromCreation: Learn = (names, answer, [creation]) =>
  names.learn(answer as string, (creation as { readonly name: string }).name);

/** Calls whose answers tell the name of an id. */
const lessons: { readonly [K in keyof DockerClient]?: Learn } = {
  listContainers: fromList,
  listNetworks: fromList,
  createContainer: fromCreation,
  createNetwork: fromCreation,
  renameContainer: (names, _, [id, name]) => names.learn(String(id), String(name)),
  inspectContainer: (names, answer) => {
    if (answer !== undefined) fromList(names, [answer], []);
  },
  inspectImage: (names, answer, [reference]) => {
    const { id } = (answer ?? {}) as Partial<ImageDetails>;
    if (id !== undefined && id !== reference) names.learn(id, String(reference));
  },
};

type Call = (this: DockerClient, ...args: unknown[]) => unknown;

/**
 * A client whose failures call things by their names, where the engine and the calls speak of ids of 64 digits, and whose calls
 * are noted as what their callers wait for.
 */
export function withNames(client: DockerClient): DockerClient {
  const names = new KnownNames();
  return new Proxy(client, {
    get(target, name) {
      const found: unknown = Reflect.get(target, name, target);
      if (typeof found !== 'function' || typeof name !== 'string') return found;
      const call = (found as Call).bind(target);
      const learn = Object.hasOwn(lessons, name) ? lessons[name as keyof DockerClient] : undefined;
      return (...args: unknown[]): unknown => {
        const answer = call(...args);
        if (answer instanceof Promise) {
          const note = noteCall(signalOf(args), () => names.in(asked(name, args)));
          return awaited(answer, note, names, (value) => learn?.(names, value, args));
        }
        return isStream(answer) ? streamed(answer, names) : answer;
      };
    },
  });
}

async function awaited(
  answer: Promise<unknown>,
  note: Disposable,
  names: KnownNames,
  learn: (value: unknown) => void,
): Promise<unknown> {
  using _note = note;
  try {
    const value = await answer;
    learn(value);
    return value;
  } catch (error) {
    throw named(error, names);
  }
}

async function* streamed<T>(source: AsyncIterable<T>, names: KnownNames): AsyncGenerator<T, void, undefined> {
  try {
    yield* source;
  } catch (error) {
    throw named(error, names);
  }
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/** The same error where it names nothing by an id. */
function named(error: unknown, names: KnownNames): unknown {
  if (!isPlumbstackError(error)) return error;
  const { code, text, resource, details, hint, cause } = error;
  const told = names.in(text);
  const facts = Object.entries(details).map(([key, value]) => [
    key,
    typeof value === 'string' ? names.in(value) : value,
  ]);
  if (told === text && facts.every(([key, value]) => details[String(key)] === value)) return error;
  return new PlumbstackError(code, told, {
    ...(resource !== undefined && { resource }),
    details: Object.fromEntries(facts) as Readonly<Record<string, unknown>>,
    ...(hint !== undefined && { hint }),
    cause,
  });
}

/** As `start container shop-web`. */
function asked(method: string, [first]: readonly unknown[]): string {
  const words = method.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  const { name, tag } = (typeof first === 'object' && first !== null ? first : {}) as {
    readonly name?: unknown;
    readonly tag?: unknown;
  };
  const subject = typeof first === 'string' ? first : (name ?? tag);
  return typeof subject === 'string' ? `${words} ${subject}` : words;
}

/** Every call takes its options last. */
function signalOf(args: readonly unknown[]): AbortSignal | undefined {
  const { signal } = (args.at(-1) ?? {}) as { readonly signal?: unknown };
  return signal instanceof AbortSignal ? signal : undefined;
}

import { integer, isRecord, line, options, refuse, refuseUnseen, type Check } from './check.js';
import { freeze } from './freeze.js';
import { environmentName, resourceName } from './name.js';
import { Resource } from './resource.js';
import type { SecretSpec } from './spec.js';

/** Where a secret's value comes from: exactly one of these. */
export type SecretOptions =
  /** A file on the machine that runs the program, read at every `up`. */
  | { readonly file: string }
  /** A variable in the environment of the program. */
  | { readonly env: string }
  /** The value itself. It stays in this process: a spec that was written to JSON does not have it. */
  | { readonly value: string }
  /**
   * That many random bytes, made once on the engine and kept until `down({ volumes: true })`, as lower-case hex. Another
   * `rotation` than the one it was made with makes a new value at the next `up`. @default rotation 0
   */
  | { readonly generateBytes: number; readonly rotation?: number };

const oneOfThese = 'exactly one of { file }, { env }, { value } and { generateBytes }';
const secretText: Check<string> = (value, path) => {
  if (typeof value !== 'string') refuseUnseen(path, 'a string');
  return value;
};

// Registered, so that a runtime's copy of this package reads a secret that the program's copy made.
const plainValue: unique symbol = Symbol.for('plumbstack.secret.value') as never;
const withoutValue = Symbol('a secret of a spec: its value stayed behind');

/** A value that is in no label, log, plan, event or inspect output. */
export class Secret extends Resource<'secret'> {
  readonly kind = 'secret';
  readonly #spec: SecretSpec;
  /** Not enumerable, and behind a function: no dump of the object shows it. */
  declare private readonly [plainValue]?: () => string | undefined;

  constructor(stack: string, name: string, given: SecretOptions | typeof withoutValue) {
    super(stack, resourceName('secret', name));
    if (given === withoutValue) {
      this.#spec = freeze({ kind: 'secret', name, source: { type: 'value' } });
      return;
    }
    // A secret given in place of the options must not end up in a message.
    if (!isRecord(given)) refuseUnseen(name, oneOfThese);
    const { file, env, value, generateBytes, rotation } = options<{
      file?: string;
      env?: string;
      value?: string;
      generateBytes?: number;
      rotation?: number;
    }>(given, name, {
      file: line,
      env: environmentName,
      value: secretText,
      generateBytes: integer(16, 1024),
      rotation: integer(0),
    });
    const kinds = [file, env, value, generateBytes].filter((each) => each !== undefined).length;
    if (kinds !== 1) refuseUnseen(name, oneOfThese);
    if (rotation !== undefined && generateBytes === undefined)
      refuse(`${name}.rotation`, 'left out without generateBytes', rotation);
    Object.defineProperty(this, plainValue, { value: () => value });
    this.#spec = freeze({
      kind: 'secret',
      name,
      source:
        file !== undefined
          ? { type: 'file', path: file }
          : env !== undefined
            ? { type: 'env', variable: env }
            : generateBytes !== undefined
              ? { type: 'generate', bytes: generateBytes, rotation: rotation ?? 0 }
              : { type: 'value' },
    });
  }

  toSpec(): SecretSpec {
    return this.#spec;
  }

  /** A secret whose value stayed in another process; `up` asks for it with an error. */
  static withoutValue(stack: string, name: string): Secret {
    return new Secret(stack, name, withoutValue);
  }

  /** For authors of runtimes: the value of `{ value }`, which the spec does not hold. */
  static plainValue(secret: Secret): string | undefined {
    return secret[plainValue]?.();
  }
}

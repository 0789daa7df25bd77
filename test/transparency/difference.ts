import { createHash } from 'node:crypto';
import type { Case } from './cases';
import { valuesOf, type Field, type RawAnswer } from './question';
import type { Mode, Way } from './ways';

/** What the app says that it got. */
interface Got {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly headers: readonly Field[];
  readonly token: string;
  readonly trailers: readonly Field[];
  readonly length: number;
  readonly digest: string;
}

/** One thing that is not as it is without us. */
export interface Difference {
  readonly way: Way;
  readonly mode: Mode;
  readonly case: Case;
  /** As `status`, `got target`, `got header x-real-ip`, `answer header server`. */
  readonly what: string;
  readonly direct: string;
  readonly here: string;
}

/** Everything that can be compared, by the names that differences have. */
export type Facts = ReadonlyMap<string, string>;

/** What came of asking, in comparable pieces. */
export function factsOf(way: Way, answer: RawAnswer, token: string): Facts {
  const got = gotIn(answer);
  // Of what the app got, its own length would differ with every header that is added on the way.
  const ignored = got === undefined ? /^x-token$/i : /^(?:x-token|x-got|content-length)$/i;
  return new Map([
    ['status', answer.status === 0 ? `none: ${answer.why}` : String(answer.status)],
    ['reason', answer.reason],
    ['interim answers', answer.interims.map(({ status }) => status).join()],
    ...(got === undefined
      ? ([['body', shown(answer.body)]] as const)
      : [...factsOfGot(way, got), [itsOwn, got.token === token ? 'yes' : `no: of ${got.token}`] as const]),
    ['whole', answer.whole ? 'yes' : `no: ${answer.why}`],
    ...byName(
      'answer header',
      answer.headers.filter(([name]) => !ignored.test(name)),
    ),
    ...byName('answer trailer', answer.trailers),
  ]);
}

/** Said by an echo of the app alone. */
const itsOwn = 'the answer is its own';

function gotIn(answer: RawAnswer): Got | undefined {
  const [packed] = valuesOf(answer, 'x-got');
  const text =
    packed === undefined ? answer.body.toString('latin1') : Buffer.from(packed, 'base64').toString();
  if (!text.startsWith('{"method"')) return undefined;
  const whole = packed === undefined ? answer.body.toString() : text;
  return JSON.parse(whole) as Got;
}

function factsOfGot(way: Way, got: Got): readonly (readonly [string, string])[] {
  const { seenPrefix } = way;
  const { method, target, version, headers, trailers, length, digest } = got;
  const path = target.startsWith(seenPrefix)
    ? target.slice(seenPrefix.length).replace(`http://${way.base.host}`, `http://${asked}`)
    : `not below ${seenPrefix}: ${target}`;
  return [
    ['got method', method],
    ['got target', path],
    ['got version', version],
    ['got body', `${length} bytes, ${digest.slice(0, 12)}`],
    ...byName(
      'got header',
      headers.filter(([name]) => !/^x-token$/i.test(name)).map(([name, value]) => [name, named(way, value)]),
    ),
    ...byName('got trailer', trailers),
  ];
}

/** Each way is at a place of its own, which is no difference. */
function named({ base, secure }: Way, value: string): string {
  return value === base.host || value === secure?.host ? asked : value;
}

/** Stands for the host and port at which a request was sent. */
export const asked = 'the host that was asked';

/** One entry for each name: its values in their order. Names are compared without their case, as HTTP has it. */
function byName(kind: string, fields: readonly Field[]): readonly (readonly [string, string])[] {
  const names = [...new Set(fields.map(([name]) => name.toLowerCase()))];
  return names.map((name) => [`${kind} ${name}`, valuesOf({ headers: fields }, name).map(short).join(' | ')]);
}

function short(value: string): string {
  return value.length <= 200 ? value : `${value.slice(0, 40)}... (${value.length}, ${digestOf(value)})`;
}

function shown(body: Buffer): string {
  return body.length <= 200
    ? JSON.stringify(body.toString('latin1'))
    : `${body.length} bytes, ${digestOf(body)}`;
}

function digestOf(value: string | Buffer): string {
  return createHash('sha256').update(value).digest('hex').slice(0, 12);
}

const nothing = '(none)';

export function differencesOf(
  direct: Facts,
  here: Facts,
  where: Pick<Difference, 'way' | 'mode' | 'case'>,
): readonly Difference[] {
  // Where it did not arrive, or something else answered, that is all that there is to say.
  const lost = direct.get(itsOwn) !== here.get(itsOwn) || direct.get('status') !== here.get('status');
  const names = lost ? ['status', itsOwn] : [...new Set([...direct.keys(), ...here.keys()])];
  return names.flatMap((what) => {
    const [there, now] = [direct.get(what) ?? nothing, here.get(what) ?? nothing];
    return there === now ? [] : [{ ...where, what, direct: there, here: now }];
  });
}

export function tell({ case: { title }, what, direct, here }: Difference): string {
  return `${title}: ${what} is ${here}, directly ${direct}`;
}

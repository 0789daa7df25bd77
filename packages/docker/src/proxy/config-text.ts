import { PlumbstackError } from '@plumbstack/core';

/**
 * The only way a value becomes configuration. Strings are values, always: they are quoted, or refused where no quoting
 * helps. What a proxy is meant to evaluate (a variable, a pattern) is said with the functions of this file, never found
 * inside a value.
 */

/** Longest word of a configuration: nginx reads 4096 bytes at a time and a word must fit, with its quotes. */
const maxWordLength = 4000;

// Both proxies read line by line, and C strings end at NUL. Tab is left out too: nothing of ours needs it.
const unprintable = /[^\x20-\x7e]/;

/** Fails with what was wanted; the value itself may be long or secret, so it is left out. */
export function refuseConfig(wanted: string, what = 'a value of a proxy configuration'): never {
  throw new PlumbstackError('INVALID_OPTION', `${what} must be ${wanted}.`, {
    details: { wanted },
    hint: 'Change the option that this value comes from: a proxy would read it as something else.',
  });
}

/** One line of printable ASCII that fits into a word. */
function printable(value: string): string {
  if (unprintable.test(value)) refuseConfig('printable ASCII of one line');
  if (value.length > maxWordLength) refuseConfig(`at most ${maxWordLength} characters long`);
  return value;
}

function identifier(name: string): string {
  if (!/^[a-z][a-z0-9_.-]*$/.test(name)) refuseConfig('a keyword', JSON.stringify(name));
  return name;
}

/** A whole number that prints as digits alone. */
function digits(value: number): string {
  if (!Number.isSafeInteger(value) || value < 0) refuseConfig('a whole number of at least 0', String(value));
  return String(value);
}

function indent(lines: readonly string[]): readonly string[] {
  return lines.map((line) => (line === '' ? '' : `    ${line}`));
}

// nginx

/** A word that is more than a value: made by {@link variable}, {@link text}, {@link capture} and {@link pattern} only. */
export class NginxCode {
  private constructor(
    /** As it stands between other text. */
    readonly embedded: string,
    /** As a word of its own. */
    readonly word: string,
  ) {}

  /** @internal for this file */
  static of(embedded: string, word = quoteNginx(embedded)): NginxCode {
    return new NginxCode(embedded, word);
  }
}

export type NginxWord = string | number | NginxCode;

/** A directive, or a block of them. */
export interface NginxNode {
  readonly words: readonly string[];
  readonly children?: readonly NginxNode[];
  /** Printed above it. */
  readonly note?: string;
}

/** nginx has no escape for `$`: this variable, which {@link literalDollar} defines, holds one. */
const dollar = 'plumbstack_dollar';

// nginx takes off one level of backslashes before quotes and backslashes, in quotes and out of them, so that doubling
// every backslash is exact: ngx_conf_read_token in src/core/ngx_conf_file.c.
function quoteNginx(code: string): string {
  if (code.length > maxWordLength) refuseConfig(`at most ${maxWordLength} characters long`);
  return /^[A-Za-z0-9_./:=~^@*,-]+$/.test(code) ? code : `"${code.replace(/["\\]/g, '\\$&')}"`;
}

function nginxWord(word: NginxWord): string {
  if (word instanceof NginxCode) return word.word;
  if (typeof word === 'number') return digits(word);
  // Some directives evaluate variables and others do not; without a dollar they are all the same.
  if (word.includes('$')) refuseConfig('without "$" here');
  return quoteNginx(printable(word));
}

/** `name arg arg;` */
export function directive(name: string, ...args: readonly NginxWord[]): NginxNode {
  return { words: [identifier(name), ...args.map(nginxWord)] };
}

/** `name arg { ... }` */
export function block(name: string, args: readonly NginxWord[], children: readonly NginxNode[]): NginxNode {
  return { words: [identifier(name), ...args.map(nginxWord)], children };
}

/** A line of a `map` or `geo` block, or of `upstream`: no keyword, only words. */
export function entry(...words: readonly NginxWord[]): NginxNode {
  return { words: words.map(nginxWord) };
}

/** `if ($name) { ... }`: true unless the variable is empty or "0". */
export function whenSet(name: string, children: readonly NginxNode[]): NginxNode {
  return { words: ['if', `($${identifier(name)})`], children };
}

/** The same node with a line of explanation above it. */
export function noted(note: string, node: NginxNode): NginxNode {
  return { ...node, note: printable(note) };
}

/** The value of a variable of nginx or of ours. */
export function variable(name: string): NginxCode {
  identifier(name);
  return NginxCode.of(`\${${name}}`, `$${name}`);
}

/** What the n-th group of the directive's own pattern matched. */
export function capture(group: 1 | 2 | 3): NginxCode {
  return NginxCode.of(`$${group}`);
}

/** Literal text and variables, put together: for arguments that nginx evaluates. A `$` in text stays a `$`. */
export function text(...parts: readonly (string | number | NginxCode)[]): NginxCode {
  return NginxCode.of(
    parts
      .map((part) => {
        if (part instanceof NginxCode) return part.embedded;
        return typeof part === 'number' ? digits(part) : printable(part).replaceAll('$', `\${${dollar}}`);
      })
      .join(''),
  );
}

/** A regular expression, as `~^/app1/`. What is interpolated matches itself. */
export function pattern(source: TemplateStringsArray, ...values: readonly string[]): NginxCode {
  return NginxCode.of(expression(source, values));
}

function expression(source: TemplateStringsArray, values: readonly string[]): string {
  return source.raw
    .map((code, index) => code + printable(values[index] ?? '').replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'))
    .join('');
}

/** Defines the variable that {@link text} uses for `$`; goes into the `http` block. */
export function literalDollar(): NginxNode {
  return { words: ['geo', `$${dollar}`], children: [{ words: ['default', '"$"'] }] };
}

export function printNginx(nodes: readonly NginxNode[]): string {
  return `${nodes.flatMap(nginxLines).join('\n')}\n`;
}

function nginxLines({ words, children, note }: NginxNode): readonly string[] {
  const above = note === undefined ? [] : [`# ${note}`];
  if (children === undefined) return [...above, `${words.join(' ')};`];
  return [...above, `${words.join(' ')} {`, ...indent(children.flatMap(nginxLines)), '}'];
}

// HAProxy

/** A word that is more than a value: made by the functions below only. */
export class HaproxyCode {
  private constructor(
    readonly embedded: string,
    readonly word: string,
  ) {}

  /** @internal for this file */
  static of(embedded: string, word = quoteHaproxy(embedded)): HaproxyCode {
    return new HaproxyCode(embedded, word);
  }
}

export type HaproxyWord = string | number | HaproxyCode;

// In double quotes a backslash escapes itself, the quote and the dollar of an environment variable; nothing else has a
// meaning there: section 2.2 of https://docs.haproxy.org/3.2/configuration.html
function quoteHaproxy(code: string): string {
  return /^[A-Za-z0-9_./:=@*,+-]+$/.test(code) ? code : `"${code.replace(/["\\$]/g, '\\$&')}"`;
}

function haproxyWord(word: HaproxyWord): string {
  if (word instanceof HaproxyCode) return word.word;
  return typeof word === 'number' ? digits(word) : quoteHaproxy(printable(word));
}

/** A keyword of one or more words, the last of which may name a variable, as `set-var(txn.name)`, and its arguments. */
export function line(keyword: string, ...args: readonly HaproxyWord[]): string {
  const [, words = '', variable = ''] = /^(.*?)(\([a-z]+\.[a-z_]+\))?$/s.exec(keyword) ?? [];
  const keywords = words.split(' ').map(identifier).join(' ');
  return [keywords + variable, ...args.map(haproxyWord)].join(' ');
}

/** What HAProxy looks up at run time, as `req.hdr(host)`; its arguments must not need quotes of their own. */
export function fetch(name: string, ...args: readonly string[]): HaproxyCode {
  if (!/^[a-z][a-z0-9_.]*$/.test(name)) refuseConfig('the name of a sample fetch', JSON.stringify(name));
  for (const arg of args) {
    if (!/^[A-Za-z0-9_./-]+$/.test(arg))
      refuseConfig('letters, digits and . _ / -', 'an argument of a sample fetch');
  }
  const call = args.length === 0 ? name : `${name}(${args.join(',')})`;
  return HaproxyCode.of(`%[${call}]`, call);
}

/** What is looked up, passed through a converter, as `req.cook(name),field(1,|)`. */
export function convert(what: HaproxyCode, converter: string, ...args: readonly string[]): HaproxyCode {
  identifier(converter);
  for (const arg of args)
    if (!/^[A-Za-z0-9|]+$/.test(arg)) refuseConfig('letters, digits and "|"', 'an argument of a converter');
  const call = `${what.word},${converter}(${args.join(',')})`;
  return HaproxyCode.of(`%[${call}]`, call);
}

/** A field of a log line, as `%ST`: https://docs.haproxy.org/3.2/configuration.html#8.2.6 */
export function logField(name: string): HaproxyCode {
  if (!/^[A-Za-z]+$/.test(name)) refuseConfig('the name of a log field', JSON.stringify(name));
  return HaproxyCode.of(`%${name}`);
}

/** `{ fetch args }`: an anonymous condition. */
export function condition(what: HaproxyCode, ...args: readonly HaproxyWord[]): HaproxyCode {
  const code = `{ ${[what, ...args].map(haproxyWord).join(' ')} }`;
  return HaproxyCode.of(code, code);
}

/** Literal text and look-ups, for arguments in log format. A `%` in text stays a `%`. */
export function format(...parts: readonly (string | HaproxyCode)[]): HaproxyCode {
  return HaproxyCode.of(
    parts
      .map((part) => (part instanceof HaproxyCode ? part.embedded : printable(part).replaceAll('%', '%%')))
      .join(''),
  );
}

/** A regular expression of a `replace-` action. What is interpolated matches itself. */
export function matching(source: TemplateStringsArray, ...values: readonly string[]): HaproxyCode {
  return HaproxyCode.of(expression(source, values));
}

/** In the replacement of such an action: what the n-th group matched. */
export function group(index: 1 | 2 | 3): HaproxyCode {
  return HaproxyCode.of(`\\${index}`);
}

export interface HaproxySection {
  readonly header: string;
  readonly lines: readonly string[];
}

/** `name arg` and what is indented below it; lines come from {@link line}. */
export function section(
  name: string,
  args: readonly HaproxyWord[],
  lines: readonly string[],
): HaproxySection {
  return { header: line(name, ...args), lines };
}

/** A comment line. */
export function comment(note: string): string {
  return `# ${printable(note)}`;
}

export function printHaproxy(sections: readonly HaproxySection[]): string {
  return `${sections.map(({ header, lines }) => [header, ...indent(lines)].join('\n')).join('\n\n')}\n`;
}

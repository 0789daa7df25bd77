/** A directive of an nginx configuration, with its words as nginx reads them. */
export interface Directive {
  readonly name: string;
  readonly words: readonly string[];
  readonly children: readonly Directive[];
}

/**
 * Reads a configuration the way nginx does, knowing nothing of who wrote it: words end at spaces, `;` and `{`; within
 * quotes they do not; a backslash takes the meaning of the next quote, backslash or space; `#` starts a comment between
 * words. src/core/ngx_conf_file.c
 */
export function readNginx(text: string): readonly Directive[] {
  const tokens = tokensOf(text);
  let at = 0;
  const block = (inner: boolean): readonly Directive[] => {
    const found: Directive[] = [];
    let words: string[] = [];
    for (;;) {
      const token = tokens[at++];
      if (token === undefined || token === endOfBlock) {
        if (words.length > 0 || (token === undefined) === inner)
          throw new RangeError(`cut short at ${words.join(' ')}`);
        return found;
      }
      if (token === semicolon || token === startOfBlock) {
        const [name, ...rest] = words;
        if (name === undefined) throw new RangeError('a directive without a name');
        words = [];
        found.push({ name, words: rest, children: token === startOfBlock ? block(true) : [] });
      } else words.push(token);
    }
  };
  return block(false);
}

const semicolon = Symbol(';');
const startOfBlock = Symbol('{');
const endOfBlock = Symbol('}');
type Token = string | typeof semicolon | typeof startOfBlock | typeof endOfBlock;

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  const next =
    /\s+|#[^\n]*|"((?:[^"\\]|\\[^])*)"|'((?:[^'\\]|\\[^])*)'|([;{}])|((?:\$\{[^}]*\}|[^\s;{"'\\]|\\[^])(?:\$\{[^}]*\}|[^\s;{\\]|\\[^])*)/y;
  while (next.lastIndex < text.length) {
    const start = next.lastIndex;
    const match = next.exec(text);
    if (match === null) throw new RangeError(`what is ${JSON.stringify(text.slice(start, start + 40))}?`);
    const [, double, single, sign, bare] = match;
    if (sign !== undefined) tokens.push(sign === ';' ? semicolon : sign === '{' ? startOfBlock : endOfBlock);
    const word = double ?? single ?? bare;
    if (word !== undefined) tokens.push(word.replace(/\\(["'\\ ])/g, '$1'));
  }
  return tokens;
}

/** First words of all directives of a name that stand directly in a block. */
export function valuesOf({ children }: Directive, name: string): readonly string[] {
  return children.filter((each) => each.name === name).flatMap(({ words }) => words);
}

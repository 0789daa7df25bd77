import { stripVTControlCharacters } from 'node:util';

// C0 with tab and line ends, DEL, C1, the separators that some terminals take for a line end, and the marks that turn
// the direction of writing and so can make text look like other text.
// eslint-disable-next-line no-control-regex
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text of unknown origin as one line that moves no cursor, sets no title and answers no query. */
export function printable(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\t\n\r]+/g, ' ')
    .replace(unprintable, '');
}

/** What of several lines, and of lines that were written over with carriage returns, a terminal would show in the end. */
export function visibleLines(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.split('\r').findLast((part) => part.trim() !== '') ?? '')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '');
}

const zeroWidth = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
// The wide and full-width blocks of Unicode's East Asian Width (UAX #11), in whole blocks.
const doubleWidth =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}$/u;

/** Columns that printable text takes in a terminal. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

/** Cuts printable text to that many columns, with an ellipsis where something is missing. */
export function cutText(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  let width = 0;
  let cut = '';
  for (const character of text) {
    width += characterWidth(character);
    if (width > columns - 1) break;
    cut += character;
  }
  return columns < 1 ? '' : `${cut}…`;
}

function characterWidth(character: string): number {
  // ASCII first: nearly all text is.
  if (character < '\u007f') return 1;
  if (zeroWidth.test(character)) return 0;
  return doubleWidth.test(character) ? 2 : 1;
}

/** What is shorter would be found in words that have nothing to do with it. */
const shortest = 4;

/**
 * Takes secrets out of a text: programs write what they were given into their last lines, as a URL that they could not
 * connect to. Each is looked for as it is and as it stands in a URL, in base64 and in hex; nothing is made of a value but text.
 */
export function hideSecrets(values: readonly Buffer[]): (text: string) => string {
  const forms = values.flatMap((value) => {
    const text = value.toString().trim();
    if (text.length < shortest) return [];
    return [text, encodeURIComponent(text), value.toString('base64'), value.toString('hex')];
  });
  // The longest first: one may be a part of another.
  const ordered = [...new Set(forms)].sort((a, b) => b.length - a.length);
  return (text) => ordered.reduce((hidden, form) => hidden.replaceAll(form, '***'), text);
}

/** How many times in a row what must never fail is tried: once, or as the environment's PLUMBSTACK_REPEAT says. */
export const repeats = Number(process.env['PLUMBSTACK_REPEAT'] ?? 1);

/** A test that is run as many times: what must never fail is not shown by passing once. */
export function repeated(title: string, test: (this: Mocha.Context) => Promise<void>): void {
  for (let round = 1; round <= repeats; round++)
    it(repeats === 1 ? title : `${title} (${round} of ${repeats})`, test);
}

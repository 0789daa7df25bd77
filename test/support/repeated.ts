const times = Number(process.env['PLUMBSTACK_REPEAT'] ?? 1);

/**
 * A test that is run once, or as many times in a row as the environment's PLUMBSTACK_REPEAT says: what must never fail is
 * not shown by passing once.
 */
export function repeated(title: string, test: (this: Mocha.Context) => Promise<void>): void {
  for (let round = 1; round <= times; round++)
    it(times === 1 ? title : `${title} (${round} of ${times})`, test);
}

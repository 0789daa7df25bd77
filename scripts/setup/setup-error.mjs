// @ts-check

/** A failure that the user can do something about: its message says what. Shown without a stack. */
export class SetupError extends Error {}

/**
 * Runs a script's main function; what it throws is shown and makes the exit code 1.
 * @param {() => Promise<void>} main
 */
export async function runScript(main) {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof SetupError ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}

// @ts-check
const { writeFileSync } = require('node:fs');
const { Runner, reporters } = require('mocha');

/** How long a run may take to end by itself once its last test has. */
const endTimeoutMs = 30_000;

const { EVENT_TEST_END, EVENT_TEST_FAIL, EVENT_RUN_END } = Runner.constants;

/**
 * Mocha's own reporter, which also keeps the counts in the file named by the option `counts`.
 * They are written as they change, so that a run that breaks off has left them. A run that something keeps from ending is
 * ended and has failed: a program that uses what was tested would not end either.
 */
module.exports = class extends reporters.Spec {
  /** @param {Runner} runner @param {Mocha.MochaOptions} options */
  constructor(runner, options) {
    super(runner, options);
    const write = (complete = false) => {
      const { passes, failures, pending } = this.stats;
      writeFileSync(options.reporterOptions.counts, JSON.stringify({ passes, failures, pending, complete }));
    };
    runner.on(EVENT_TEST_END, () => write());
    // A hook that fails ends no test. Told at once: a run that is broken off never comes to its end, where mocha tells it.
    runner.on(EVENT_TEST_FAIL, (test, error) => {
      write();
      console.error(`${test.fullTitle()}:\n${error?.stack ?? error}`);
    });
    runner.on(EVENT_RUN_END, () => {
      write(true);
      // Fires only where something else goes on.
      setTimeout(() => {
        console.error(`The run does not end. What goes on: ${process.getActiveResourcesInfo().join(', ')}`);
        write(false); // mocha sets the exit code by its failures alone
        process.exit(1);
      }, endTimeoutMs).unref();
    });
    write();
  }
};

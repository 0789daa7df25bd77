// @ts-check
import { aptInstall, aptUpdate } from './apt.mjs';
import { hasCommand, timed } from './run.mjs';

/**
 * Makes sure that this machine has a program that some tests want, where it is a Debian one that we may install on;
 * elsewhere those tests say why they do not run.
 * @param {{ what: string, commands: readonly string[], debian: readonly string[], log: (line: string) => void }} options
 * `commands`: names that it may have; `debian`: Debian's packages, which have the first of them
 * @returns {Promise<string | undefined>} the command that is there
 */
export async function ensureOptional({ what, commands, debian, log }) {
  const found = commands.find(hasCommand);
  if (found !== undefined) {
    log(`${what}: present`);
    return found;
  }
  if (!hasCommand('apt-get') || process.getuid?.() !== 0) {
    log(`${what}: none, and none can be installed here`);
    return undefined;
  }
  log(`${what}: installing ${debian.join(', ')}`);
  try {
    const duration = await timed(async () => {
      await aptUpdate();
      await aptInstall(debian);
    });
    log(`${what}: installed (${duration})`);
    return commands[0];
  } catch (error) {
    // A few tests want it: that is no reason to run none.
    log(`${what}: not installed: ${error instanceof Error ? error.message.split('\n')[0] : error}`);
    return undefined;
  }
}

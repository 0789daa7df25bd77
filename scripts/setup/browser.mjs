// @ts-check
import { aptInstall, aptUpdate } from './apt.mjs';
import { hasCommand, timed } from './run.mjs';

const names = ['chromium', 'chromium-browser', 'google-chrome'];

/**
 * Makes sure that a test can open a page in a browser, where this machine is a Debian one that we may install on; elsewhere
 * the test says why it does not run.
 * @param {{ log: (line: string) => void }} options
 * @returns {Promise<{ env: Record<string, string> }>}
 */
export async function ensureBrowser({ log }) {
  const found = names.find(hasCommand);
  if (found !== undefined) {
    log('browser: present');
    return { env: { PLUMBSTACK_BROWSER: found } };
  }
  if (!hasCommand('apt-get') || process.getuid?.() !== 0) {
    log('browser: none, and none can be installed here');
    return { env: {} };
  }
  log('browser: installing chromium');
  try {
    const duration = await timed(async () => {
      await aptUpdate();
      await aptInstall(['chromium']);
    });
    log(`browser: installed (${duration})`);
    return { env: { PLUMBSTACK_BROWSER: 'chromium' } };
  } catch (error) {
    // One test wants it: that is no reason to run none.
    log(`browser: not installed: ${error instanceof Error ? error.message.split('\n')[0] : error}`);
    return { env: {} };
  }
}

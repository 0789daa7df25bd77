// @ts-check
import { ensureOptional } from './optional-package.mjs';

const commands = ['chromium', 'chromium-browser', 'google-chrome'];

/**
 * A browser, for tests that open a page.
 * @param {{ log: (line: string) => void }} options
 * @returns {Promise<{ env: Record<string, string> }>}
 */
export async function ensureBrowser({ log }) {
  const found = await ensureOptional({ what: 'browser', commands, debian: ['chromium'], log });
  return { env: found === undefined ? {} : { PLUMBSTACK_BROWSER: found } };
}

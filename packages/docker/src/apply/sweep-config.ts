import { isPlumbstackError } from '@plumbstack/core';
import { engineStatus } from '../client/docker-failure.js';
import { configFolder } from '../compile/proxy-container.js';
import type { RunContext } from './run-context.js';

/**
 * Removes from a proxy's folder what is called by what it holds and is not named, and what the last configuration was checked
 * in: an engine has no call for it. The first argument says how many of the names are only kept while nginx has processes of
 * before a reload.
 */
const script = `cd "$1" || exit 0
shift
lasting=$1
shift
if ! grep -qs "worker process is shutting[ ]down" /proc/[0-9]*/cmdline; then
  while [ $# -gt "$lasting" ]; do shift; done
fi
keep="
$(printf '%s\n' "$@")
"
rm -rf next
for each in contents/* pages/* htpasswd-*; do
  case "$keep" in
    *"
$each
"*) ;;
    *) rm -f -- "$each" ;;
  esac
done`;

/**
 * Takes what nothing names any more out of a proxy's configuration volume. That it could not is no failure: it is in nobody's
 * way, and the next change tries again.
 *
 * @param named files that stay, by path in the folder
 * @param leaving those of the version before
 */
export async function sweepConfig(
  { client, call, signal }: Pick<RunContext, 'client' | 'call' | 'signal'>,
  container: string,
  named: readonly string[],
  leaving: readonly string[] = [],
): Promise<void> {
  // `shift` takes the first: those that may go come first.
  const names = [...leaving.filter((each) => !named.includes(each)), ...named];
  const command = ['sh', '-c', script, 'sh', configFolder, String(named.length), ...names];
  try {
    await client.exec(container, command, { ...call, user: '0' });
  } catch (error) {
    signal.throwIfAborted();
    if (!isPlumbstackError(error) || engineStatus(error) === undefined) throw error;
  }
}

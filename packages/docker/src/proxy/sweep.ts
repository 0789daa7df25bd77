/** For {@link sweepCommand}: behind the folder, how many of the names that follow, the last ones, stay in any case. */
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
 * Removes from a proxy's folder what is called by what it holds and is not named, and what its last configuration was checked in: an
 * engine has no call for it. For `exec` in the proxy's container, as root.
 *
 * @param named files that stay, by path in the folder
 * @param leaving those of the version before, which stay while nginx has processes of before a reload
 */
export function sweepCommand(
  folder: string,
  named: readonly string[],
  leaving: readonly string[],
): readonly string[] {
  // `shift` takes the first: those that may go come first.
  const names = [...leaving.filter((each) => !named.includes(each)), ...named];
  return ['sh', '-c', script, 'sh', folder, String(named.length), ...names];
}

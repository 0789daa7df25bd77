/**
 * Whether any of nginx's processes of before a reload is left: ends with 0 for yes. They have it in their title. The
 * brackets keep the command from finding itself.
 */
export const endingProcesses: readonly string[] = [
  'sh',
  '-c',
  'grep -qs "worker process is shutting[ ]down" /proc/[0-9]*/cmdline',
];

/**
 * The same of HAProxy, whose processes are all called alike: beside its master and the one that serves there are those that
 * have something left to answer.
 */
export const endingBalancers: readonly string[] = [
  'sh',
  '-c',
  `n=0
for each in /proc/[0-9]*/comm; do
  if read -r name < "$each" && [ "$name" = haproxy ]; then n=$((n + 1)); fi
done 2> /dev/null
[ "$n" -gt 2 ]`,
];

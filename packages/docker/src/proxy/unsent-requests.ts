import { routerPort, routerTlsPort } from '@plumbstack/core';

/**
 * Whether any of nginx's processes of before a reload may have a request that no server has got yet, as an upload that is still
 * coming in: ends with 0 for yes. Such a process sends it where the target was. For `exec` in its container.
 *
 * One has a visitor's connection for each request, and a server's for each that was sent on. Who is being sent an answer that
 * is there already is told by what waits in his connection (the 5th column of `/proc/net/tcp`: proc(5)).
 */
export const unsentRequests: readonly string[] = [
  'bash',
  '-c',
  `set -u
declare -A side
while read -r _ local _ _ queues _ _ _ _ inode _; do
  case "\${local##*:}" in
    "$1" | "$2") [ "\${queues%%:*}" != 00000000 ] || side[$inode]=visitor ;;
    *) side[$inode]=server ;;
  esac
done < <(cat /proc/net/tcp /proc/net/tcp6 2> /dev/null)
for each in $(grep -ls 'nginx: worker process is shutting[ ]down' /proc/[0-9]*/cmdline); do
  visitors=0 servers=0
  for inode in $(ls -l "/proc/\${each//[!0-9]/}/fd" 2> /dev/null | sed -n 's/.*socket:.\\([0-9]*\\).*/\\1/p'); do
    case "\${side[$inode]:-}" in
      visitor) visitors=$((visitors + 1)) ;;
      server) servers=$((servers + 1)) ;;
    esac
  done
  [ "$visitors" -le "$servers" ] || exit 0
done
exit 1`,
  'bash',
  ...[routerPort, routerTlsPort].map((port) => port.toString(16).toUpperCase().padStart(4, '0')),
];

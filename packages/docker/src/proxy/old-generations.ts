import { connectionScript } from './loopback.js';

/**
 * How many generations of a proxy's processes may be left from before its reloads, to finish what visitors have begun. One
 * reload more ends the oldest, whatever it has: processes and their memory must not pile up in a stack that changes often.
 */
export const oldGenerations = 8;

/** However many reloads follow one another, what was begun before each has this long. */
const leastSeconds = 10;

/**
 * Ends the oldest of nginx's generations of before its reloads, until one more can join them; nginx has no setting for it. For
 * `exec` in its container, where the command is the same user as nginx. It waits while the oldest was told to end only a
 * moment ago.
 */
export const makeRoomCommand: readonly string[] = [
  ...connectionScript(endOldest()),
  String(oldGenerations - 1),
  String(leastSeconds),
];

/**
 * The workers of a generation are started within a few milliseconds, those of two at least 100 ms apart: nginx gives the new
 * ones that time before it tells the old ones to end (`ngx_master_process_cycle`). So one was told to end when the next was
 * started. The kernel tells the moment of a start in hundredths of a second, as the 22nd field of `stat`; the 2nd may have
 * spaces in it. What ends while it is looked at is no error. The brackets keep the command from finding itself.
 */
function endOldest(): string {
  return `started() {
  read -r stat 2> /dev/null < "/proc/$1/stat" || return
  fields=(\${stat##*) })
  echo "\${fields[19]} $1"
}
ending() {
  for each in $(grep -ls 'nginx: worker process is shutting[ ]down' /proc/[0-9]*/cmdline); do
    started "\${each//[!0-9]/}" || :
  done | sort -n
}
read -r begin _ <<< "$(started $$)"
while [ "$SECONDS" -le $(($2 + 5)) ]; do
  starts=() pids=() last=
  while read -r start pid; do
    [ -n "$pid" ] || continue
    if [ -z "$last" ] || [ $((start - last)) -ge 8 ]; then starts+=("$start") pids+=(''); fi
    pids[-1]+=" $pid"
    last=$start
  done <<< "$(ending)"
  [ "\${#starts[@]}" -gt "$1" ] || exit 0
  [ $((begin + SECONDS * 100 - starts[1])) -lt $(($2 * 100)) ] || kill -TERM \${pids[0]} 2> /dev/null || :
  sleep 0.1
done`;
}

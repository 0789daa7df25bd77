import type { HealthSpec } from '@plumbstack/core';
import { portNumber, socketAddress } from './address.js';
import { refuseConfig } from './config-text.js';
import { nginxWorkers } from './nginx-config.js';

/**
 * Programs for `exec` in a proxy's container. bash is what the images of nginx and HAProxy have in common (nginx's has
 * curl, HAProxy's has not), and its `/dev/tcp` opens connections. The scripts are constant: what changes comes as
 * arguments, which bash does not read as code.
 */
export function connectionScript(script: string): readonly string[] {
  return ['bash', '-c', `${prelude}\n${script}`, 'bash'];
}

const prelude = `set -eu
connect() { exec 3<>"/dev/tcp/$1/$2"; }`;

/** A GET of a loopback port: prints the body; ends with an error where the status is not 200. */
export function httpGetCommand(port: number, path: string): readonly string[] {
  return [...connectionScript(httpGetScript), String(portNumber(port)), requestPath(path)];
}

const httpGetScript = `connect "127.0.0.1" "$1"
printf 'GET %s HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' "$2" >&3
read -r _ status _ <&3
while IFS= read -r line <&3 && [ "$line" != $'\\r' ]; do :; done
cat <&3
[ "$status" = 200 ] || { echo "status $status" >&2; exit 1; }`;

/**
 * The revision that every new connection to nginx is answered from: prints it; ends with an error while there is no such.
 * nginx starts the workers of a new configuration, and tells those of before to end 100 ms later: until then both take
 * connections (`ngx_master_process_cycle`).
 */
export function nginxRevisionCommand(statusPort: number): readonly string[] {
  return [
    ...connectionScript(`${httpGetScript}\n${onlyTheseScript}`),
    String(portNumber(statusPort)),
    '/',
    String(nginxWorkers),
  ];
}

// Processes have it in their titles. The brackets keep the command from finding itself.
const onlyTheseScript = `workers=0
for each in $(grep -ls 'nginx: worker[ ]process' /proc/[0-9]*/cmdline); do
  grep -qs 'is shutting[ ]down' "$each" || workers=$((workers + 1))
done
[ "$workers" = "$3" ] || { echo "$workers workers take connections" >&2; exit 1; }`;

function requestPath(path: string): string {
  if (!/^\/[\x21-\x7e]*$/.test(path)) refuseConfig('a path without spaces', 'the path of a request');
  return path;
}

/** The host that a check asks for where nobody says which visitors would. */
export const checkedHost = 'localhost';

/** How an address shows that it is ready. */
export type Readiness = Exclude<HealthSpec, { type: 'command' }>;

/**
 * Whether an address takes a connection, or answers a GET with a status in the range: one try, which ends with 0 for
 * yes. It takes no longer than the check's own time limit.
 *
 * @param address `ip:port`
 */
export function answersCommand(address: string, health: Readiness): readonly string[] {
  return [...waitScriptWith(health), ...attempt(address, health), '0'];
}

/**
 * The same until it answers, but not longer than the deadline: ends with 0, or with 1 and the last reason on stderr.
 *
 * @param address `ip:port`
 */
export function waitUntilAnswersCommand(
  address: string,
  health: Readiness,
  deadlineSeconds: number,
): readonly string[] {
  if (!Number.isSafeInteger(deadlineSeconds) || deadlineSeconds < 0)
    refuseConfig('whole seconds', 'the deadline');
  return [...waitScriptWith(health), ...attempt(address, health), String(deadlineSeconds)];
}

function waitScriptWith(health: Readiness): readonly string[] {
  return ['bash', '-c', waitScript, 'bash', health.type === 'tcp' ? tcpAttempt : httpAttempt];
}

function attempt(address: string, health: Readiness): readonly string[] {
  const [ip = '', port = ''] = socketAddress(address).split(':');
  const seconds = Math.max(0.05, health.timeoutMs / 1000).toFixed(3);
  const range =
    health.type === 'tcp'
      ? ['', '', '', '']
      : [
          requestPath(health.path),
          String(health.minStatus),
          String(health.maxStatus),
          health.host ?? checkedHost,
        ];
  return [seconds, ip, port, ...range];
}

// $1 program of one attempt, $2 seconds for it, $3 address, $4 port, $5 path, $6 and $7 statuses, $8 host, $9 deadline in
// seconds.
// bash has no limit of its own for opening a connection, so that each attempt runs under \`timeout\`.
const waitScript = `program=$1 limit=$2 deadline=$9
shift 2
while :; do
  reason=$(timeout -k 1 "$limit" bash -c "$program" bash "$@" 2>&1) && exit 0
  code=$?
  [ "$code" = 124 ] && reason="no answer within $limit s"
  [ "$SECONDS" -ge "$deadline" ] && break
  sleep 0.1
done
echo "$reason" >&2
exit 1`;

const tcpAttempt = 'exec 3<>"/dev/tcp/$1/$2"';

const httpAttempt = `exec 3<>"/dev/tcp/$1/$2" || exit 1
printf 'GET %s HTTP/1.1\\r\\nHost: %s\\r\\nConnection: close\\r\\n\\r\\n' "$3" "$6" >&3
read -r version status _ <&3 || { echo "closed without an answer"; exit 1; }
case "$version" in HTTP/1.*) ;; *) echo "no HTTP answer"; exit 1;; esac
[ "$status" -ge "$4" ] && [ "$status" -le "$5" ] && exit 0
echo "status $status"
exit 1`;

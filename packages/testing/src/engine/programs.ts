import type { EngineExecResult } from '@plumbstack/docker/client';
import {
  adminCommand,
  answersCommand,
  endingBalancers,
  endingProcesses,
  httpGetCommand,
  makeRoomCommand,
  nginxRevisionCommand,
  saveStateCommand,
  sweepCommand,
  unsentRequests,
  waitUntilAnswersCommand,
  watchStatCommand,
} from '@plumbstack/docker/proxy';
import type { PoolCounts } from './haproxy-process.js';
import type { ProxyProcess } from './proxy-process.js';

/** What a program that runs in a container sees of the engine around it. */
export interface Surroundings {
  /** The proxy that the container runs, if it does. */
  readonly proxy: ProxyProcess | undefined;
  /** What keeps an `ip:port` from answering; nothing where it does. */
  readonly complaintOf: (address: string) => string | undefined;
  readonly counts: PoolCounts;
  /** Files of the proxy's configuration, by path in its folder. */
  readonly config: Map<string, unknown>;
}

type Program = (surroundings: Surroundings, args: readonly string[]) => EngineExecResult;

const probe = { type: 'tcp', intervalMs: 1000, timeoutMs: 1000, retries: 1 } as const;
const succeeded = (stdout = ''): EngineExecResult => ({ exitCode: 0, stdout, stderr: '' });
const failed = (stderr: string): EngineExecResult => ({ exitCode: 1, stdout: '', stderr });

const answers: Program = ({ complaintOf }, args) => {
  // Behind the program of an attempt and its time limit.
  const [, , ip = '', port = ''] = args;
  const complaint = complaintOf(`${ip}:${port}`);
  return complaint === undefined ? succeeded() : failed(`bash: connect: ${complaint}\n`);
};

/** By what makes the command: what a runtime runs in containers is known by its script. */
const programs: readonly (readonly [command: readonly string[], program: Program])[] = [
  [
    adminCommand(1, []),
    ({ proxy, complaintOf, counts }, [, line = '']) =>
      proxy?.kind === 'haproxy'
        ? succeeded(proxy.ask(line, (address) => complaintOf(address) === undefined, counts))
        : failed('connection refused\n'),
  ],
  [
    saveStateCommand(1),
    ({ proxy }) => {
      if (proxy?.kind === 'haproxy') proxy.saveState();
      return succeeded();
    },
  ],
  [
    nginxRevisionCommand(1),
    ({ proxy }) => (proxy?.kind === 'nginx' ? succeeded(proxy.revision) : failed('connection refused\n')),
  ],
  // One connection reads the question itself.
  [httpGetCommand(1, '/'), () => succeeded('Active connections: 1 \nReading: 0 Writing: 1 Waiting: 0 \n')],
  [answersCommand('127.0.0.1:1', probe), answers],
  [waitUntilAnswersCommand('127.0.0.1:1', probe, 1), answers],
  [makeRoomCommand, () => succeeded()],
  [
    sweepCommand('/', [], []),
    ({ config }, [, lasting = '0', ...names]) => {
      // No process of before is left: those that it reads go too.
      const named = names.slice(names.length - Number(lasting));
      for (const path of config.keys())
        if (/^(?:next|contents|pages)\/|^htpasswd-/.test(path) && !named.includes(path)) config.delete(path);
      return succeeded();
    },
  ],
  // A reload is over at once, and nothing is left of what was before.
  ...[endingProcesses, endingBalancers, unsentRequests].map(
    (command) => [command, () => failed('')] as const,
  ),
  // No connection is open.
  [['cat', '/proc/net/tcp', '/proc/net/tcp6'], () => succeeded()],
];

/** What a command that the runtime itself runs answers; nothing of one that is not its own. */
export function runProgram(
  surroundings: Surroundings,
  command: readonly string[],
): EngineExecResult | undefined {
  // `nginx -t` and `haproxy -c`: what was rendered is taken.
  if (command[0] === 'nginx' || command[0] === 'haproxy') return succeeded();
  const known = programs.find(([{ 0: name, 2: script }]) => name === command[0] && script === command[2]);
  return known?.[1](surroundings, command.slice(4));
}

/** Whether a command writes a HAProxy's counters until its input ends. */
export function watchesCounters(command: readonly string[]): boolean {
  return command[2] === watchStatCommand(1, 1000)[2];
}

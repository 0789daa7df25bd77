import type { CallOptions, DockerWriter } from '../client/docker-client.js';
import { statusPort } from '../compile/compile-router.js';
import { adminPort } from '../compile/compile-pool.js';
import {
  adminCommand,
  makeRoomCommand,
  nginxRevisionCommand,
  parseInfo,
  showInfo,
  type HaproxyModel,
} from '../proxy/index.js';
import { HaproxyAdmin } from './haproxy-admin.js';
import { isAway, patiently } from './patient-exec.js';
import type { ProxyCommands } from './proxy-config.js';
import type { RunContext } from './run-context.js';

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

export function nginxCommands({ client, call }: RunContext): ProxyCommands {
  return {
    validate: (folder) => ['nginx', '-t', '-q', '-c', `${folder}/nginx.conf`],
    reload: async (container) => {
      await unlessAway(() => client.exec(container, makeRoomCommand, call));
      await signal(client, container, 'SIGHUP', call);
    },
    revision: async (container) => {
      const command = nginxRevisionCommand(statusPort);
      const { exitCode, stdout } = await patiently(client).exec(container, command, call);
      return exitCode === 0 ? stdout.trim() : undefined;
    },
  };
}

/** @param slots as the configuration that is to come in force has them */
export function haproxyCommands({ client, call }: RunContext, slots: HaproxyModel['slots']): ProxyCommands {
  return {
    validate: (folder) => ['haproxy', '-c', '-q', '-f', `${folder}/haproxy.cfg`],
    reload: async (container) => {
      const admin = HaproxyAdmin.patient(client, container, call);
      await admin.move(slots);
      await admin.saveState();
      await signal(client, container, 'SIGUSR2', call);
    },
    revision: async (container) => {
      const command = adminCommand(adminPort, [showInfo]);
      const { exitCode, stdout } = await patiently(client).exec(container, command, call);
      return exitCode === 0 ? parseInfo(stdout).get('description') : undefined;
    },
  };
}

/** To one that crashes in this moment it need not be said: it starts with the files that are there. */
async function signal(
  client: Pick<DockerWriter, 'signalContainer'>,
  container: string,
  name: string,
  call: CallOptions,
): Promise<void> {
  await unlessAway(() => client.signalContainer(container, name, call));
}

async function unlessAway(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isAway(error)) throw error;
  }
}

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

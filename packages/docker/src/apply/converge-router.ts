import type { RouterUnit } from '../compile/docker-spec.js';
import { routerFiles } from '../plan/proxy-files.js';
import { convergeProxy } from './converge-proxy.js';
import { nginxCommands } from './proxy-commands.js';
import type { RunContext } from './run-context.js';

/** Brings a router to what is described: its container, and the configuration for where its targets are now. */
export async function convergeRouter(context: RunContext, unit: RouterUnit): Promise<void> {
  await context.inTurn(unit.resource, async () => {
    await convergeProxy(context, unit, {
      role: 'router',
      files: () => routerFiles(unit, context.active),
      commands: nginxCommands(context),
      reloaded: 'router:reloaded',
    });
  });
}

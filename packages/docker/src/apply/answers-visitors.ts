import type { CallOptions, DockerWriter } from '../client/docker-client.js';
import { statusPort } from '../compile/compile-router.js';
import type { ObservedContainer } from '../plan/observed-state.js';
import { endingBalancers, httpGetCommand, openRequests } from '../proxy/index.js';
import { HaproxyAdmin } from './haproxy-admin.js';

/** The question is one of the requests that nginx counts. */
const ownRequest = 1;

/** Whether a running proxy is in the middle of an answer. One that does not tell is taken to be. */
export async function answersVisitors(
  client: Pick<DockerWriter, 'exec'>,
  { id, role }: Pick<ObservedContainer, 'id' | 'role'>,
  call: CallOptions,
): Promise<boolean> {
  try {
    if (role === 'balancer') {
      const [{ backend }, ending] = await Promise.all([
        new HaproxyAdmin(client, id, call).stats(),
        // Processes of before a reload count for themselves, and cannot be asked.
        client.exec(id, endingBalancers, call),
      ]);
      return backend === undefined || backend.sessions + backend.queued > 0 || ending.exitCode === 0;
    }
    const { exitCode, stdout } = await client.exec(id, httpGetCommand(statusPort, '/stub_status'), call);
    const isIdle = exitCode === 0 && openRequests(stdout) <= ownRequest;
    return !isIdle;
  } catch {
    // Not worth a failure: whoever is in the middle of an answer gets the time for it, and so does this one.
    return true;
  }
}

import type { CallOptions, DockerClient, EngineExecResult } from '../client/docker-client.js';
import { engineStatus } from '../client/docker-failure.js';
import { noteWait, pauseFor } from './deadline.js';

/** Longest time that a run waits for a proxy that crashes, or that somebody restarts, while it is at work. */
const awayMs = 60_000;
/** A restart leaves a container stopped for a moment; who is stopped for longer was stopped to stay so. */
const stoppedMs = 5000;
const pauseMs = 100;
/** Exit code of a command that was killed: with its container, in most cases. */
const killed = 137;

type Client = Pick<DockerClient, 'exec' | 'inspectContainer'>;

/** Whether a container does not run: now, or no longer when its command was to be looked at. */
export function isAway(error: unknown): boolean {
  const status = engineStatus(error);
  return status === 409 || status === 404;
}

/**
 * Runs commands in a proxy's container, where that is away, when it is back: an update need not fail because a proxy was
 * restarted in the middle of it. A command may be run twice.
 *
 * @param answered whether the proxy itself was there, where the command asks it
 */
export function patiently(
  client: Client,
  answered: (result: EngineExecResult) => boolean = () => true,
): Pick<DockerClient, 'exec'> {
  return {
    async exec(container, command, options) {
      const signal = options?.signal ?? new AbortController().signal;
      let away: string | undefined;
      const goesOn = patience(client, container, { signal }, (name) => (away = name));
      for (;;) {
        const attempt = await attempted(() => client.exec(container, command, options));
        const isBack =
          'result' in attempt
            ? attempt.result.exitCode !== killed && answered(attempt.result)
            : !isAway(attempt.error);
        if (isBack || !(await goesOn())) {
          if ('result' in attempt) return attempt.result;
          throw attempt.error;
        }
        using _noted = noteWait(signal, () => `the container ${away} to run and answer again`);
        await pauseFor(pauseMs, signal);
      }
    },
  };
}

/** Whether it is worth to wait for a container any longer. */
function patience(
  client: Client,
  container: string,
  call: CallOptions,
  isAway: (name: string) => void,
): () => Promise<boolean> {
  const begin = performance.now();
  let stoppedAt: number | undefined;
  return async () => {
    const seen = await client.inspectContainer(container, call);
    const now = performance.now();
    if (seen === undefined) return false;
    isAway(seen.name);
    stoppedAt = seen.state === 'exited' ? (stoppedAt ?? now) : undefined;
    return now - begin < awayMs && now - (stoppedAt ?? now) < stoppedMs;
  };
}

type Attempt = { readonly result: EngineExecResult } | { readonly error: unknown };

async function attempted(work: () => Promise<EngineExecResult>): Promise<Attempt> {
  try {
    return { result: await work() };
  } catch (error) {
    return { error };
  }
}

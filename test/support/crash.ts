import { docker } from './docker-cli';

// As the container's own user, who may end what is his: all but the first process, and this one.
const killAll = 'kill -9 -1';

/** Kills what runs in a container from the inside, as a crash does: the engine's restart policy decides what comes then. */
export async function crash(container: string): Promise<void> {
  await docker('exec', container, 'sh', '-c', killAll).catch((error: unknown) => {
    // Its end may take the command along.
    if (!/ended with 137/.test(String(error))) throw error;
  });
}

import { setTimeout as delay } from 'node:timers/promises';
import { isPlumbstackError } from '@plumbstack/core';
import type { PullImageOptions } from './docker-client.js';
import { engineStatus } from './docker-failure.js';
import { mayPass, pullFailure } from './image-failure.js';
import type { Engine } from './engine.js';
import { readEngineMessages, type EngineMessage } from './engine-messages.js';
import { parseImageReference } from './image-reference.js';
import type { RegistryCredentials } from './registry-credentials.js';

/** Pauses before the further attempts, in milliseconds, and up to as much again by chance: many may wait for one registry. */
const pauses: readonly number[] = [500, 1000, 2000];

/**
 * Pulls with the user's own login at the image's registry, if there is one. A failure that may pass by itself is tried again;
 * what is denied, or not there, stays so.
 */
export async function pullImage(
  engine: Engine,
  credentials: RegistryCredentials,
  reference: string,
  options: PullImageOptions,
): Promise<void> {
  for (const pause of pauses) {
    try {
      return await pullOnce(engine, credentials, reference, options);
    } catch (error) {
      if (!mayPass(error)) throw error;
      const waitMs = Math.round(pause * (1 + Math.random()));
      options.onProgress?.({ status: `${firstLine(error)} Again in ${waitMs} ms` });
      // An abort ends the pause with an error of Node's own; the caller's reason is thrown below.
      await delay(waitMs, undefined, options.signal && { signal: options.signal }).catch(() => {});
      options.signal?.throwIfAborted();
    }
  }
  return pullOnce(engine, credentials, reference, options);
}

async function pullOnce(
  engine: Engine,
  credentials: RegistryCredentials,
  reference: string,
  options: PullImageOptions,
): Promise<void> {
  const { registry, name, version } = parseImageReference(reference);
  options.signal?.throwIfAborted();
  const { credential, problem } = await credentials.find(registry);
  const answer = engine.chunks(
    `pull image ${reference}`,
    { ...options, silenceMs: engine.silenceTimeoutMs },
    (docker) => docker.createImage(credential, { fromImage: name, tag: version }),
  );
  try {
    for await (const message of readEngineMessages(answer)) {
      if (message.error !== undefined)
        throw pullFailure({ image: reference, reason: message.error, note: problem });
      report(message, options);
    }
  } catch (error) {
    if (engineStatus(error) === undefined || isPlumbstackError(error, 'IMAGE_PULL_FAILED')) throw error;
    const { reason } = (error as { details: { reason?: unknown } }).details;
    throw pullFailure({ image: reference, reason: String(reason), cause: error, note: problem });
  }
}

function firstLine(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : '';
}

function report({ id, status = '', progress }: EngineMessage, { onProgress }: PullImageOptions): void {
  onProgress?.({
    ...(id !== undefined && { id }),
    status,
    ...(progress?.current !== undefined && { current: progress.current }),
    ...(progress?.total !== undefined && { total: progress.total }),
  });
}

import { engineStatus } from './docker-failure.js';

/** Nothing where the engine has no such thing. */
export async function unlessGone<T>(call: Promise<T>): Promise<T | undefined> {
  return call.catch((error: unknown) => {
    if (engineStatus(error) === 404) return undefined;
    throw error;
  });
}

/** For calls that say with 304 that there was nothing to do. */
export async function unlessUnchanged(call: Promise<unknown>): Promise<void> {
  await call.catch((error: unknown) => {
    if (engineStatus(error) !== 304) throw error;
  });
}

import assert from 'node:assert/strict';
import { Stack, type AppOptions } from '@plumbstack/core';
import { ask, eventually } from '../support/lab';
import { lightApp, lightAppOf } from '../support/light-app';

/**
 * The stack of the recipe with light images, and one of everything: a routed app with data and a generated secret, a pool
 * of two behind HAProxy, a router.
 *
 * @param image of both apps, that has their version in it
 */
export function smallStack(name: string, version = '1', image?: string): Stack {
  const stack = new Stack(name);
  const light = (options: AppOptions): AppOptions =>
    image === undefined ? lightAppOf(version, options) : { ...lightApp(options), image };
  const data = stack.volume('data');
  const token = stack.secret('token', { generateBytes: 16 });
  const single = stack.app(
    'single',
    light({
      mounts: [{ volume: data, target: '/data' }],
      // It writes nothing, so two of them do no harm; and it serves all the while.
      updateOrder: 'start-first',
      secrets: [{ secret: token, target: '/run/secrets/token' }],
      stopGraceMs: 2000,
    }),
  );
  const pool = stack.pool('workers', {
    app: stack.app('pooled', light({ stopGraceMs: 2000 })),
    replicas: 2,
  });
  stack
    .router('web', { publish: { port: 0, host: '127.0.0.1' } })
    .route('/single/', single)
    .route('/pool/', pool);
  return stack;
}

/** Version that each route answers with; rejects when one does not answer. */
export async function versions(web: URL): Promise<readonly (string | undefined)[]> {
  return Promise.all(['/single/', '/pool/'].map(async (path) => (await ask(web, path)).version));
}

/** Both routes answer, from the same version. */
export async function assertServes(web: URL, version: string): Promise<void> {
  assert.deepEqual(await versions(web), [version, version]);
}

/** Both routes answer before long: HAProxy's checks, and an app that has just been started, need their moment. */
export async function eventuallyServes(web: URL): Promise<void> {
  await eventually('both routes answer', () => versions(web), 10_000);
}

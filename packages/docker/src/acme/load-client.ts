import { PlumbstackError } from '@plumbstack/core';
import { byConversation } from './conversation.js';

/** `acme-client`, which only programs with such certificates have installed, and only a run that asks for one loads. */
export type AcmeLibrary = typeof import('acme-client');

let loading: Promise<AcmeLibrary> | undefined;

/** Loads it once. Throws `NOT_FOUND` where it is not installed. */
export function loadAcmeClient(): Promise<AcmeLibrary> {
  return (loading ??= load().catch((error: unknown) => {
    // It may be installed by the next time.
    loading = undefined;
    throw error;
  }));
}

async function load(): Promise<AcmeLibrary> {
  try {
    const library = await import('acme-client');
    byConversation(library.axios);
    return library;
  } catch (cause) {
    throw new PlumbstackError(
      'NOT_FOUND',
      'certificates from an authority need the package acme-client, which cannot be loaded.',
      { details: { package: 'acme-client' }, hint: 'npm install acme-client@5', cause },
    );
  }
}

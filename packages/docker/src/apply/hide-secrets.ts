import { secretText, type SecretEncoding } from '@plumbstack/core';
import type { CallOptions, DockerReader } from '../client/docker-client.js';
import { givenSecrets } from '../observe/given-secrets.js';

/** What is shorter would be found in words that have nothing to do with it. */
const shortest = 4;
/** The same of a line of a longer value, which may be as short as a bracket. */
const shortestLine = 8;

/**
 * Takes secrets out of a text: programs write what they were given into their last lines, as a URL that they could not
 * connect to. Each is looked for as it is, line by line, in every form that a container can be given it in, in JSON, in base64 and
 * in hex; nothing is made of a value but text.
 */
export function hideSecrets(values: readonly Buffer[]): (text: string) => string {
  // The longest first: one may be a part of another.
  const ordered = [...new Set(values.flatMap(formsOf))].sort((a, b) => b.length - a.length);
  return (text) => ordered.reduce((hidden, form) => hidden.replaceAll(form, '***'), text);
}

const encodings: readonly SecretEncoding[] = ['uri', 'pgpass', 'quoted'];

function formsOf(value: Buffer): readonly string[] {
  const text = value.toString().trim();
  if (text.length < shortest) return [];
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  return [
    text,
    // A program's output is quoted line by line.
    ...(lines.length === 1 ? [] : lines.filter((line) => line.length >= shortestLine)),
    encodeURIComponent(text),
    ...encodings.map((encoding) => secretText({ encoding }, () => text) ?? text),
    JSON.stringify(text).slice(1, -1),
    // Line ends at its end make other ends of these.
    ...[value, Buffer.from(text)].flatMap((bytes) => [
      bytes.toString('base64'),
      bytes.toString('base64url'),
      bytes.toString('hex'),
    ]),
  ];
}

/**
 * Hides what a stack's containers have been given as it is at that moment, and `known`: values that a program has, of which no
 * container may have got anything yet. Of this alone errors that quote a program are made, whatever verb they end.
 */
export function secretCensor(
  client: DockerReader,
  stack: string,
  known: readonly Buffer[],
  call: CallOptions,
): () => Promise<(text: string) => string> {
  return async () => hideSecrets([...known, ...(await givenSecrets(client, stack, call))]);
}

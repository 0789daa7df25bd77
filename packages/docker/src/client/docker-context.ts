import { createHash } from 'node:crypto';
import { PlumbstackError } from '@plumbstack/core';
import { parseEngineAddress, type EngineAddress, type TlsMaterial } from './engine-address.js';
import { dockerConfiguration } from './docker-configuration.js';
import { dockerConfigFolder, type Environment } from './environment.js';

/**
 * Name of the `docker` program's context in use; nothing for its built-in one, `default`, which is no more than
 * `DOCKER_HOST` or the usual socket. https://docs.docker.com/engine/manage-resources/contexts/
 */
export async function currentContext(environment: Environment): Promise<string | undefined> {
  const fromEnv = environment.env['DOCKER_CONTEXT'];
  const name = fromEnv || (await dockerConfiguration(environment)).currentContext;
  return typeof name !== 'string' || name === '' || name === 'default' ? undefined : name;
}

/**
 * Where a context's engine is.
 *
 * @throws `NOT_FOUND` for a context that does not exist or names no Docker engine
 */
export async function contextAddress(name: string, environment: Environment): Promise<EngineAddress> {
  const folder = `${dockerConfigFolder(environment)}/contexts`;
  const id = createHash('sha256').update(name).digest('hex');
  const text = await environment.readFile(`${folder}/meta/${id}/meta.json`);
  const endpoints = text === undefined ? undefined : parse(text)?.['Endpoints'];
  const endpoint = (endpoints as Record<string, Endpoint> | undefined)?.['docker'];
  if (typeof endpoint?.Host !== 'string') {
    throw new PlumbstackError('NOT_FOUND', `there is no docker context ${JSON.stringify(name)}.`, {
      details: { context: name, folder },
      hint: 'List them with `docker context ls`; choose one with `docker context use <name>` or DOCKER_CONTEXT.',
    });
  }
  const verify = endpoint.SkipTLSVerify !== true;
  const tls = await tlsMaterial(`${folder}/tls/${id}/docker`, verify, environment);
  return parseEngineAddress(endpoint.Host, `the docker context ${JSON.stringify(name)}`, tls);
}

interface Endpoint {
  readonly Host?: unknown;
  readonly SkipTLSVerify?: unknown;
}

/** The certificates in a folder, by the names that the `docker` program gives them; nothing where none is there. */
export async function tlsMaterial(
  folder: string,
  verify: boolean,
  environment: Environment,
): Promise<TlsMaterial | undefined> {
  const [ca, cert, key] = await Promise.all(
    ['ca.pem', 'cert.pem', 'key.pem'].map((file) => environment.readFile(`${folder}/${file}`)),
  );
  if (ca === undefined && cert === undefined && key === undefined) return undefined;
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    verify,
  };
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

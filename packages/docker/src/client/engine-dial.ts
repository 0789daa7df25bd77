import { Agent, type ClientRequest, type IncomingMessage } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { PlumbstackError } from '@plumbstack/core';
import type { Duplex } from 'node:stream';
import Dockerode from 'dockerode';
import { notAnEngine, type FailedCall } from './docker-failure.js';
import type { EngineAddress } from './engine-address.js';
import { SshAgent } from './ssh-agent.js';

export type Modem = Dockerode['modem'];
/** What makes one request for dockerode. */
export type Dial = Modem['dial'];

const maxAnswerBytes = 256 * 1024 * 1024;

/** Connections to an address, kept while they are idle; in the background, ones that let the program end while in use. */
export function agentFor(
  address: EngineAddress,
  { background = false }: { readonly background?: boolean } = {},
): Agent {
  const agent = withoutRedirects(plainAgent(address));
  return background ? inBackground(agent) : agent;
}

/** Node holds the program open for a connection in use: it is let go after each time that Node takes hold of it. */
function inBackground(agent: Agent): Agent {
  const open = agent as Agent & {
    createConnection(...given: unknown[]): Unreferenced;
    reuseSocket(socket: Unreferenced, request: ClientRequest): void;
  };
  const [create, reuse] = [open.createConnection.bind(agent), open.reuseSocket.bind(agent)];
  open.createConnection = (...given) => {
    const connection = create(...given);
    connection.unref();
    return connection;
  };
  open.reuseSocket = (socket, request) => {
    reuse(socket, request);
    socket.unref();
  };
  return agent;
}

interface Unreferenced extends Duplex {
  unref(): unknown;
}

/**
 * docker-modem follows a redirect by itself: a POST as a GET, and to an address that Node may refuse with an error nobody
 * can catch. An engine redirects only what is no path of its API, so here a redirect is an answer like any other.
 */
function withoutRedirects(agent: Agent): Agent {
  const open = agent as Agent & { addRequest(request: ClientRequest, ...rest: unknown[]): void };
  const add = open.addRequest.bind(agent);
  open.addRequest = (request, ...rest) => {
    request.prependListener('response', ({ headers }: IncomingMessage) => delete headers.location);
    add(request, ...rest);
  };
  return agent;
}

function plainAgent(address: EngineAddress): Agent {
  switch (address.type) {
    case 'socket':
      return new Agent({ keepAlive: true });
    case 'ssh':
      return new SshAgent(address);
    case 'tcp': {
      const { tls } = address;
      if (tls === undefined) return new Agent({ keepAlive: true });
      const { verify, ...material } = tls;
      return new TlsAgent({ keepAlive: true, rejectUnauthorized: verify, ...material });
    }
  }
}

/**
 * docker-modem for an address. Every option is given, if only as `undefined`: what is left out it takes from `DOCKER_HOST`
 * and `DOCKER_CERT_PATH`, also where the address came from somewhere else.
 */
export function modemFor(address: EngineAddress, agent: Agent, apiVersion: string | undefined): Modem {
  const where =
    address.type === 'socket'
      ? { socketPath: address.path, host: undefined, port: undefined, protocol: 'http' as const }
      : address.type === 'tcp'
        ? { socketPath: undefined, host: address.host, port: address.port, protocol: protocolOf(address) }
        : { socketPath: undefined, host: 'docker', port: undefined, protocol: 'http' as const };
  const options = {
    ...where,
    agent,
    version: apiVersion === undefined ? undefined : `v${apiVersion}`,
    headers: { 'User-Agent': 'plumbstack' },
    ...{
      ca: undefined,
      cert: undefined,
      key: undefined,
      timeout: undefined,
      pathPrefix: '/',
      username: undefined,
    },
  };
  try {
    return new Dockerode(options).modem;
  } catch (error) {
    throw new PlumbstackError(
      'INVALID_OPTION',
      'DOCKER_HOST or DOCKER_CERT_PATH is set to what cannot be used.',
      {
        details: { path: 'DOCKER_HOST' },
        hint: 'Correct or unset them: they are read even where the address comes from elsewhere.',
        cause: error,
      },
    );
  }
}

function protocolOf(address: { readonly tls?: unknown }): 'http' | 'https' {
  return address.tls === undefined ? 'http' : 'https';
}

/**
 * Reads a call's whole answer. docker-modem's own reading never ends when the connection breaks inside an answer, and
 * passes on an answer that is not JSON as if it were one. A GET whose kept connection turns out to be closed is asked
 * again, once: the other side had closed it while it was idle.
 */
export function readAnswer(dial: Dial, at: FailedCall): Dial {
  return (options, callback = () => {}) => {
    if (options.isStream || options.hijack) return dial(options, callback);
    const ask = (mayAskAgain: boolean): void =>
      dial({ ...options, isStream: true }, (error, response) => {
        if (error !== null && mayAskAgain && isClosedConnection(error)) return ask(false);
        if (error !== null) return callback(error, null);
        answerOf(response as IncomingMessage, at).then(
          (answer) => callback(null, answer),
          (failure: Error) => callback(failure, null),
        );
      });
    ask(options.method === 'GET' && options.abortSignal?.aborted !== true);
  };
}

/** Hands on every answer as the stream it is, also where dockerode would collect it. */
export function asStream(dial: Dial): Dial {
  return (options, callback) => dial({ ...options, isStream: true }, callback);
}

function isClosedConnection(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ECONNRESET' || error.code === 'EPIPE';
}

async function answerOf(response: IncomingMessage, at: FailedCall): Promise<object> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) throw notAnEngine(at, `its answer is longer than ${maxAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString();
  // Podman's word for done, where Docker says nothing. What is asked for is never that.
  if (text.trim() === '' || text.trim() === 'OK') return {};
  try {
    return JSON.parse(text) as object;
  } catch (error) {
    throw notAnEngine(at, `it answers ${JSON.stringify(text.slice(0, 60))}`, error);
  }
}

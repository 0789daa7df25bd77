import { PlumbstackError } from '@plumbstack/core';

/** Where an engine listens, as plain data. `address` is the readable form, as `unix:///var/run/docker.sock`. */
export type EngineAddress = SocketAddress | TcpAddress | SshAddress;

/** A Unix socket, or a named pipe of Windows. */
export interface SocketAddress {
  readonly type: 'socket';
  readonly path: string;
  readonly address: string;
}

export interface TcpAddress {
  readonly type: 'tcp';
  readonly host: string;
  readonly port: number;
  readonly tls?: TlsMaterial;
  readonly address: string;
}

/** An engine behind a machine's SSH server, reached with the user's own `ssh` program, settings, keys and known hosts. */
export interface SshAddress {
  readonly type: 'ssh';
  readonly host: string;
  readonly port?: number;
  readonly user?: string;
  /** The engine's socket on that machine. @default what `docker` there finds */
  readonly socketPath?: string;
  readonly address: string;
}

/** Certificates as PEM text. */
export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Whether the engine's certificate must be right. */
  readonly verify: boolean;
}

/** The port without TLS and with it, as the `docker` program has them. */
const plainPort = 2375;
const tlsPort = 2376;

/**
 * Reads `unix:///path`, `npipe:////./pipe/name`, `tcp://host:port`, `http://…`, `https://…` or `ssh://user@host:port`.
 *
 * @param from what named it, for the error
 * @param tls certificates to use where the address is a TCP one; an `https` address has TLS without any
 * @throws `INVALID_OPTION`
 */
export function parseEngineAddress(text: string, from: string, tls?: TlsMaterial): EngineAddress {
  const [, scheme, rest] = /^([a-z]+):\/\/(.*)$/s.exec(text) ?? [];
  switch (scheme) {
    case 'unix':
      return socketAddress(rest === '' || rest === undefined ? '/var/run/docker.sock' : rest);
    case 'npipe':
      return { type: 'socket', path: (rest ?? '').replaceAll('/', '\\'), address: text };
    case 'tcp':
    case 'http':
    case 'https':
      return tcpAddress(text, from, scheme === 'https' ? (tls ?? { verify: true }) : tls);
    case 'ssh':
      return sshAddress(text, from);
    default:
      return refuseAddress(text, from);
  }
}

export function socketAddress(path: string): SocketAddress {
  return { type: 'socket', path, address: `unix://${path}` };
}

function tcpAddress(text: string, from: string, tls: TlsMaterial | undefined): TcpAddress {
  // Node's URL does not parse the host of a scheme it does not know the way it parses an http one's.
  const url = readUrl(text.replace(/^[a-z]+:/, 'http:'), text, from);
  if ((url.pathname !== '/' && url.pathname !== '') || url.username !== '') refuseAddress(text, from);
  const port =
    url.port === ''
      ? /:80\/?$/.test(text)
        ? 80
        : tls === undefined
          ? plainPort
          : tlsPort
      : Number(url.port);
  const host = bareHost(url);
  return {
    type: 'tcp',
    host,
    port,
    ...(tls && { tls }),
    address: `${tls ? 'https' : 'tcp'}://${url.hostname}:${port}`,
  };
}

function sshAddress(text: string, from: string): SshAddress {
  const url = readUrl(text, text, from);
  if (url.password !== '' || url.hostname === '' || url.hostname.startsWith('-')) refuseAddress(text, from);
  const path = url.pathname === '/' ? '' : url.pathname;
  return {
    type: 'ssh',
    host: bareHost(url),
    ...(url.port !== '' && { port: Number(url.port) }),
    ...(url.username !== '' && { user: decodeURIComponent(url.username) }),
    ...(path !== '' && { socketPath: decodeURIComponent(path) }),
    address: text,
  };
}

function bareHost(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

function readUrl(text: string, given: string, from: string): URL {
  return URL.canParse(text) ? new URL(text) : refuseAddress(given, from);
}

function refuseAddress(text: string, from: string): never {
  throw new PlumbstackError(
    'INVALID_OPTION',
    `${from} is ${JSON.stringify(text)}, which is no engine's address.`,
    {
      details: { path: from },
      hint: 'It looks like unix:///var/run/docker.sock, tcp://host:2375, https://host:2376 or ssh://user@host.',
    },
  );
}

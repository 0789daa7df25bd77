import { request } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { HealthSpec } from '@plumbstack/core';
import { checkedHost } from '../proxy/index.js';
import { linkedSignal } from './linked-signal.js';

/** Whether this process can connect to the addresses of a stack's containers itself. */
export type Reach = 'direct' | 'from-inside';

/**
 * With a local Linux engine a network's gateway is an address of this machine, and so are its containers one hop away.
 * With Docker Desktop, a rootless or a remote engine the same address may be anything: it is looked at from inside then.
 */
export function reachOf(gateways: ReadonlySet<string>): Reach {
  const addresses = Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).map(({ address }) => address),
  );
  return addresses.some((each) => gateways.has(each)) ? 'direct' : 'from-inside';
}

type Probe = Exclude<HealthSpec, { type: 'command' }>;

/** What keeps an address from answering now as the health check wants it, in a few words; nothing where it does. */
export async function complaintOf(
  address: string,
  port: number,
  probe: Probe,
  signal: AbortSignal,
): Promise<string | undefined> {
  // Node leaves a listener of each connection on its signal.
  using own = linkedSignal(signal);
  return await (probe.type === 'tcp'
    ? complaintOfPort(address, port, probe.timeoutMs, own)
    : complaintOfAnswer(address, port, probe, own));
}

function complaintOfPort(
  host: string,
  port: number,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal, timeout: timeoutMs });
    const end = (complaint?: string): void => {
      socket.destroy();
      resolve(complaint);
    };
    socket
      .once('connect', () => end())
      .once('timeout', () => end(silence(timeoutMs)))
      .once('error', (error) => end(wordsFor(error)));
  });
}

function complaintOfAnswer(
  host: string,
  port: number,
  probe: Extract<Probe, { type: 'http' }>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { path, host: asked = checkedHost, minStatus, maxStatus, timeoutMs } = probe;
  return new Promise((resolve) => {
    const headers = { Host: asked };
    const sent = request(
      { host, port, path, headers, signal, timeout: timeoutMs, agent: false },
      (response) => {
        const status = response.statusCode ?? 0;
        response.destroy();
        resolve(status >= minStatus && status <= maxStatus ? undefined : `status ${status}`);
      },
    );
    const fail = (complaint: string): void => {
      sent.destroy();
      resolve(complaint);
    };
    sent
      .once('timeout', () => fail(silence(timeoutMs)))
      .once('error', (error) => fail(wordsFor(error)))
      .end();
  });
}

function silence(timeoutMs: number): string {
  return `no answer within ${timeoutMs / 1000} s`;
}

/** The same words as from inside, which `proxy/loopback.ts` has. */
const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'no route to host',
  ECONNRESET: 'closed without an answer',
};

function wordsFor({ code = '', message }: NodeJS.ErrnoException): string {
  return words[code] ?? (code.startsWith('HPE_') ? 'no HTTP answer' : message);
}

import { request } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { HealthSpec } from '@plumbstack/core';

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

/** Whether an address answers now, as the health check wants it. */
export function answers(address: string, port: number, probe: Probe, signal: AbortSignal): Promise<boolean> {
  return probe.type === 'tcp'
    ? accepts(address, port, probe.timeoutMs, signal)
    : answersHttp(address, port, probe, signal);
}

function accepts(host: string, port: number, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal, timeout: timeoutMs });
    const end = (answer: boolean) => (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', end(true)).once('timeout', end(false)).once('error', end(false));
  });
}

function answersHttp(
  host: string,
  port: number,
  probe: Extract<Probe, { type: 'http' }>,
  signal: AbortSignal,
): Promise<boolean> {
  const { path, minStatus, maxStatus, timeoutMs } = probe;
  return new Promise((resolve) => {
    const sent = request({ host, port, path, signal, timeout: timeoutMs, agent: false }, (response) => {
      const status = response.statusCode ?? 0;
      response.destroy();
      resolve(status >= minStatus && status <= maxStatus);
    });
    const fail = (): void => {
      sent.destroy();
      resolve(false);
    };
    sent.once('timeout', fail).once('error', fail).end();
  });
}

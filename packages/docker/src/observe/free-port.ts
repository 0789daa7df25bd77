import { createServer } from 'node:net';
import { once } from 'node:events';
import { randomInt } from 'node:crypto';

/**
 * The first port above those that Linux gives to its own outgoing connections, each of which would be in the way:
 * https://docs.kernel.org/networking/ip-sysctl.html (`ip_local_port_range`)
 */
const aboveConnections = 61_000;

/** A port that nobody holds: asked of this machine for a local engine, guessed where nobody takes any otherwise. */
export async function freePort(host: string, local: boolean): Promise<number> {
  return (local ? await askedPort(host) : undefined) ?? randomInt(aboveConnections, 65_536);
}

/** Nothing where this machine does not have the address: the engine says so better. */
async function askedPort(host: string): Promise<number | undefined> {
  const server = createServer();
  try {
    server.listen(0, host);
    await once(server, 'listening');
  } catch {
    return undefined;
  }
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' ? address?.port : undefined;
}

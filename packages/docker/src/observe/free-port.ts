import { createServer } from 'node:net';
import { once } from 'node:events';
import { randomInt } from 'node:crypto';

/** A port that nobody holds: asked of this machine for a local engine, guessed above the registered ones otherwise. */
export async function freePort(host: string, local: boolean): Promise<number> {
  if (!local) return randomInt(49_152, 65_536);
  const server = createServer();
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : randomInt(49_152, 65_536);
}

import assert from 'node:assert/strict';
import { getEventListeners, once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { complaintOf } from '@plumbstack/docker/internal';

const limits = { intervalMs: 1000, timeoutMs: 5000, retries: 1 };

describe('a look at an address', () => {
  for (const probe of [
    { type: 'tcp', ...limits } as const,
    { type: 'http', path: '/up', minStatus: 200, maxStatus: 399, ...limits } as const,
  ]) {
    it(`leaves nothing on the signal that it ends with, which may live for weeks: ${probe.type}`, async () => {
      const server = createServer((_, response) => response.end()).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const { signal } = new AbortController();
      try {
        for (let look = 0; look < 5; look++)
          assert.equal(await complaintOf('127.0.0.1', port, probe, signal), undefined);
      } finally {
        server.close();
        await once(server, 'close');
      }
      assert.notEqual(await complaintOf('127.0.0.1', port, probe, signal), undefined);
      assert.equal(getEventListeners(signal, 'abort').length, 0);
    });
  }
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { countEstablished, countEstablishedTo } from '@plumbstack/docker/internal';

// As `cat /proc/net/tcp /proc/net/tcp6` in a container prints it: port 8000 is 1F40. proc(5)
const table = [
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
  '   0: 00000000:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0',
  '   1: 0200D00A:1F40 0100D00A:E2A4 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0 20 4 30 10 -1',
  '   2: 0200D00A:1F40 0100D00A:E2A6 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 20 4 30 10 -1',
  '   3: 0200D00A:1F40 0100D00A:E2A8 06 00000000:00000000 03:000017A0 00000000     0        0 0 3 0',
  '   4: 0200D00A:1F40 0100D00A:E2AA 08 00000000:00000000 00:00000000 00000000     0        0 4 1 0 20 4 30 10 -1',
  '   5: 0200D00A:9C40 0300D00A:1F40 01 00000000:00000000 00:00000000 00000000     0        0 5 1 0 20 4 30 10 -1',
  '   6: 0200D00A:0050 0300D00A:0A01 01 00000000:00000000 00:00000000 00000000     0        0 6 1 0 20 4 30 10 -1',
  '  sl  local_address                         remote_address                        st tx_queue rx_queue tr',
  '   0: 00000000000000000000000000000000:1F40 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000',
  '   1: 0000000000000000FFFF00000200D00A:1F40 0000000000000000FFFF00000100D00A:E2AC 01 00000000:00000000 00:00000000',
  '',
].join('\n');

describe('the established connections of a port', () => {
  for (const [port, count, why] of [
    [8000, 3, 'both tables count; listening, ending and outgoing ones do not'],
    [80, 1, 'a port of few digits has zeros in front'],
    [40_000, 1, 'its own end of an outgoing connection is one'],
    [64, 0, 'the end of another number is none'],
    [2561, 0, 'a port of the other end is none'],
    [1, 0, 'a state is none'],
  ] as const) {
    it(`${port} are ${count}: ${why}`, () => assert.equal(countEstablished(table, port), count));
  }

  for (const [address, port, count] of [
    ['10.208.0.3', 8000, 1],
    ['10.208.0.1', 0xe2a4, 1],
    ['10.208.0.1', 0xe2ac, 1],
    ['10.208.0.1', 0xe2a8, 0],
    ['10.208.0.2', 8000, 0],
    ['10.208.0.3', 80, 0],
  ] as const) {
    it(`to ${address}:${port} are ${count}`, () =>
      assert.equal(countEstablishedTo(table, address, port), count));
  }

  for (const [title, text] of [
    ['an empty table', ''],
    ['a table without lines', table.split('\n')[0] ?? ''],
    [
      'the message of a cat that is missing',
      'OCI runtime exec failed: exec: "cat": executable file not found',
    ],
    ['a line that is cut off', '   1: 0200D00A:1F40'],
  ] as const) {
    it(`are none in ${title}`, () => assert.equal(countEstablished(text, 8000), 0));
  }

  it('are counted as this kernel prints them', async function () {
    const kernel = (): string => {
      try {
        return readFileSync('/proc/net/tcp', 'latin1');
      } catch {
        return this.skip(); // Only Linux has this table.
      }
    };
    kernel();
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      assert.equal(countEstablished(kernel(), port), 0);
      for (let count = 1; count <= 3; count++) {
        sockets.push(
          await new Promise<Socket>((resolve) => {
            const socket = connect(port, '127.0.0.1', () => resolve(socket));
          }),
        );
        assert.equal(countEstablished(kernel(), port), count);
      }
    } finally {
      for (const each of sockets) each.destroy();
      server.close();
    }
  });
});

import assert from 'node:assert/strict';
import { isPlumbstackError } from '@plumbstack/core';
import { engineStatus } from '@plumbstack/docker/client';
import { eventually, Objects } from './objects';

describe('exec', () => {
  it('gives both outputs apart, the input and the exit code', async () => {
    await using objects = await Objects.create();
    const id = await objects.shell('box', 'sleep 600');
    const run = objects.client.exec(id, ['sh', '-c', 'cat; echo oops >&2; exit 3'], { stdin: 'héllo' });
    assert.deepEqual(await run, { exitCode: 3, stdout: 'héllo', stderr: 'oops\n' });
    assert.deepEqual(await objects.client.exec(id, ['id', '-u'], { user: '101' }), {
      exitCode: 0,
      stdout: '101\n',
      stderr: '',
    });
  });

  it('takes and gives megabytes', async () => {
    await using objects = await Objects.create();
    const id = await objects.shell('box', 'sleep 600');
    const stdin = Buffer.alloc(5_000_000, 'äöü');
    const { stdout } = await objects.client.exec(id, ['cat'], { stdin });
    assert.ok(Buffer.from(stdout).equals(stdin));
  });

  it('ends well when the command ends before it has read its input', async () => {
    await using objects = await Objects.create();
    const id = await objects.shell('box', 'sleep 600');
    const stdin = Buffer.alloc(5_000_000, 'x');
    assert.equal((await objects.client.exec(id, ['true'], { stdin })).exitCode, 0);
    const { exitCode, stdout } = await objects.client.exec(id, ['sh', '-c', 'head -c 3; exit 4'], { stdin });
    assert.deepEqual([exitCode, stdout], [4, 'xxx']);
  });

  it('is 127 for a missing program and 126 for one that cannot be run', async () => {
    await using objects = await Objects.create();
    const id = await objects.shell('box', 'sleep 600');
    assert.equal((await objects.client.exec(id, ['nope'])).exitCode, 127);
    assert.equal((await objects.client.exec(id, ['/etc/passwd'])).exitCode, 126);
  });

  it('does not wait for a command longer than it was given', async () => {
    await using objects = await Objects.create();
    const id = await objects.shell('box', 'sleep 600');
    const run = objects.client.exec(id, ['sleep', '30'], { timeoutMs: 200 });
    await assert.rejects(run, (error) => isPlumbstackError(error, 'TIMEOUT'));
  });

  it('does not start a command that may not start any more', async () => {
    await using objects = await Objects.create();
    const id = await objects.shell('box', 'sleep 600');
    const mayStart = (): Promise<void> => Promise.reject(new Error('too late'));
    await assert.rejects(objects.client.exec(id, ['touch', '/tmp/run'], { mayStart }), /too late/);
    assert.equal((await objects.client.exec(id, ['test', '-e', '/tmp/run'])).exitCode, 1);
  });

  it('is refused with 409 in a container that does not run, and 404 in none', async () => {
    await using objects = await Objects.create();
    const id = await objects.container('idle');
    await assert.rejects(objects.client.exec(id, ['true']), (error) => engineStatus(error) === 409);
    await assert.rejects(objects.client.exec('cl-none', ['true']), (error) =>
      isPlumbstackError(error, 'NOT_FOUND'),
    );
  });

  it('keeps many at once apart', async () => {
    await using objects = await Objects.create();
    const id = await objects.shell('box', 'sleep 600');
    const runs = Array.from({ length: 8 }, (_, index) =>
      objects.client.exec(id, ['cat'], { stdin: `run ${index}` }),
    );
    assert.deepEqual(
      (await Promise.all(runs)).map(({ stdout }) => stdout),
      Array.from({ length: 8 }, (_, index) => `run ${index}`),
    );
  });

  it('gives lines as they come, and its input ends with the reader', async () => {
    await using objects = await Objects.create();
    const id = await objects.shell('lines', 'sleep 600');
    const script =
      'trap "" HUP; n=0; while read -r -t 0.1 x || [ $? -gt 128 ]; do n=$((n+1)); echo "line $n"; done';
    const seen: string[] = [];
    for await (const line of objects.client.execLines(id, ['bash', '-c', script])) {
      seen.push(line);
      if (seen.length === 3) break;
    }
    assert.deepEqual(seen, ['line 1', 'line 2', 'line 3']);
    const processes = ['sh', '-c', 'cat /proc/[0-9]*/comm | grep -cx bash || true'];
    await eventually(async () => (await objects.client.exec(id, processes)).stdout.trim() === '0');
  });
});

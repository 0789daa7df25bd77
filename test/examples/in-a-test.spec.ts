import assert from 'node:assert/strict';
import { docker } from '../support/docker-cli';
import { Example } from './run-example';

describe('example 09-in-a-test', function () {
  this.timeout(300_000);

  it('passes, and leaves nothing', async () => {
    const { exitCode, stdout, stderr } = await new Example('09-in-a-test', {}).up();
    assert.equal(exitCode, 0, stdout + stderr);
    assert.match(stdout, /pass 1$/m);
    const names = [
      await docker('ps', '--all', '--format', '{{.Names}}'),
      await docker('network', 'ls', '--format', '{{.Name}}'),
      await docker('volume', 'ls', '--format', '{{.Name}}'),
    ];
    assert.doesNotMatch(names.join('\n'), /^bank-/m);
  });
});

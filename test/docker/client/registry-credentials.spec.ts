import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RegistryCredentials } from '@plumbstack/docker/client';
import { bareMachine } from './fake-engine';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

function credentials(config: unknown, path = ''): RegistryCredentials {
  const files = { '/home/me/.docker/config.json': JSON.stringify(config) };
  return new RegistryCredentials(bareMachine(files, { PATH: `${path}:${process.env['PATH'] ?? ''}` }));
}

describe('registry credentials', () => {
  it('come from the file, however the server is written', async () => {
    const found = credentials({
      auths: {
        'https://index.docker.io/v1/': { auth: base64('hub:pass:word') },
        'https://r.example/v2/': { identitytoken: 'tok' },
      },
    });
    assert.deepEqual(await found.find('docker.io'), {
      credential: { username: 'hub', password: 'pass:word', serveraddress: 'https://index.docker.io/v1/' },
    });
    assert.deepEqual(await found.find('r.example'), {
      credential: { identitytoken: 'tok', serveraddress: 'r.example' },
    });
    assert.deepEqual(await found.find('other.example'), {});
  });

  it('are none where the file is none, or broken', async () => {
    assert.deepEqual(await new RegistryCredentials(bareMachine()).find('docker.io'), {});
    const broken = bareMachine({ '/home/me/.docker/config.json': '{' });
    assert.deepEqual(await new RegistryCredentials(broken).find('docker.io'), {});
  });

  describe('from a helper', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cl-helper-'));
    before(() => {
      const script = `#!/bin/sh
if [ "$1" = list ]; then echo '{"a.example":"me","t.example":"<token>"}'; exit; fi
read server
case "$server" in
  a.example) echo '{"ServerURL":"a.example","Username":"me","Secret":"s"}';;
  t.example) echo '{"Username":"<token>","Secret":"t"}';;
  broken.example) echo 'no json';;
  *) echo 'credentials not found in native keychain'; exit 1;;
esac
`;
      writeFileSync(join(folder, 'docker-credential-test'), script);
      chmodSync(join(folder, 'docker-credential-test'), 0o755);
    });
    after(() => rmSync(folder, { recursive: true }));

    it('are asked for by the server’s name on standard input', async () => {
      const found = credentials({ credsStore: 'test' }, folder);
      assert.deepEqual(await found.find('a.example'), {
        credential: { username: 'me', password: 's', serveraddress: 'a.example' },
      });
      assert.deepEqual(await found.find('t.example'), {
        credential: { identitytoken: 't', serveraddress: 't.example' },
      });
      assert.deepEqual(await found.find('other.example'), {});
    });

    it('may be of one registry alone', async () => {
      const found = credentials(
        { credHelpers: { 'a.example': 'test' }, auths: { 'b.example': { auth: base64('b:c') } } },
        folder,
      );
      assert.equal((await found.find('a.example')).credential?.username, 'me');
      assert.equal((await found.find('b.example')).credential?.username, 'b');
    });

    it('are all listed for a build', async () => {
      const found = credentials({ credsStore: 'test', auths: { 'a.example': {} } }, folder);
      assert.deepEqual(Object.keys(await found.all()).sort(), ['a.example', 't.example']);
    });

    it('are none, with the reason, where the helper fails', async () => {
      const found = credentials({ credsStore: 'test' }, folder);
      assert.match((await found.find('broken.example')).problem ?? '', /no credentials/);
      assert.match(
        (await credentials({ credsStore: 'cl-none' }).find('a.example')).problem ?? '',
        /cannot be run/,
      );
    });
  });
});

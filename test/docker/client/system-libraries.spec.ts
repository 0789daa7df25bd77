import assert from 'node:assert/strict';
import { buildFailure, missingLibraries } from '@plumbstack/docker/internal';

const reason = "The command 'Rscript -e ...' returned a non-zero code: 1";
const failed = (...lastLines: readonly string[]): ReturnType<typeof buildFailure> =>
  buildFailure({ image: 'api:1', reason, lastLines });

describe('a build that lacks a system library', () => {
  it('is told with Debian’s package, whatever compiles', () => {
    for (const line of [
      'libpq.c:1:10: fatal error: libpq-fe.h: No such file or directory',
      "src/libpq.c:1:10: fatal error: 'libpq-fe.h' file not found",
    ]) {
      const { hint, details } = failed('gcc -I/usr/share/R/include', line, 'compilation terminated.');
      assert.match(hint ?? '', /systemPackages: \['libpq-dev'\]/);
      assert.equal((details['lastLines'] as readonly string[])[1], line);
    }
  });

  it('is told with what the R package itself names', () => {
    const { hint } = failed(
      'Configuration failed because libcurl was not found. Try installing:',
      ' * deb: libcurl4-openssl-dev (Debian, Ubuntu, etc)',
      ' * rpm: libcurl-devel (Fedora, CentOS, RHEL)',
    );
    assert.match(hint ?? '', /systemPackages: \['libcurl4-openssl-dev'\]/);
  });

  it('is told although much was said behind it', () => {
    const lines = Array.from({ length: 20 }, (_, index) => `line ${index}`);
    const { hint } = buildFailure({ image: 'api:1', reason, lastLines: lines, libraries: ['libpq-dev'] });
    assert.match(hint ?? '', /libpq-dev/);
  });

  it('names each once, and nothing for what nobody knows', () => {
    const lines = [
      'a.c:1:10: fatal error: openssl/ssl.h: No such file or directory',
      'b.c:1:10: fatal error: openssl/ssl.h: No such file or directory',
      'c.c:1:10: fatal error: sodium.h: No such file or directory',
      'd.c:1:10: fatal error: own.h: No such file or directory',
      'd.c:1:10: fatal error: constructor.h: No such file or directory',
      ' * deb: $(rm -rf)',
    ];
    assert.deepEqual(missingLibraries(lines), ['libssl-dev', 'libsodium-dev']);
    assert.match(failed('make: *** [all] Error 1').hint ?? '', /its last lines say why/);
  });
});

import assert from 'node:assert/strict';
import { createHash, type X509Certificate } from 'node:crypto';
import { DockerRuntime } from '@plumbstack/docker';
import { BrowserInside, browserPath } from '../support/browser';
import { CertificateAuthority, hasCertificateAuthority } from '../support/certificate-authority';
import { certificateAt, statusOf } from '../support/tls-client';
import { Example, get } from './run-example';
import { RunningExample } from './running-example';

describe('example 10-https', function () {
  this.timeout(300_000);
  const example = new RunningExample('10-https', ['HTTPS_PORT', 'HTTP_PORT']);
  let plain: URL;
  let web: URL;

  before(() => {
    plain = new URL(example.url('HTTP_PORT'));
    web = new URL(example.url('HTTPS_PORT').replace('http:', 'https:'));
  });

  // Its certificates stay over the example's own `--down`.
  after(() => new DockerRuntime().down(example.stack, { volumes: true }));

  it('prints where the API answers, over HTTPS', async () => {
    const urls = example.printed.match(/https:\S+/g) ?? [];
    assert.equal(urls.length, 2);
    const ca = (await certificateAt(web)).toString();
    for (const url of urls)
      assert.equal(
        await statusOf(web, {
          ca,
          servername: 'localhost',
          path: new URL(url).pathname + new URL(url).search,
        }),
        200,
        url,
      );
  });

  it('leads plain HTTP there', async () => {
    const { status, location } = await get(new URL('/units/length?metres=1', plain).href);
    assert.deepEqual([status, location], [308, new URL('/units/length?metres=1', web).href]);
  });

  it("shows plumber's own page in a browser, which calls the API from there", async function () {
    const executable = browserPath();
    const router = `${example.stack}-web`;
    if (executable === undefined || !(await BrowserInside.isPossible(router))) {
      console.log('    left out: no Chromium here, or not root on the machine of the engine');
      this.skip();
    }
    // The certificate's key is believed, and no other: what is shown is not just any page.
    const trust = `--ignore-certificate-errors-spki-list=${keyDigest(await certificateAt(web))}`;
    await using inside = await BrowserInside.start(executable, router, [trust]);
    const page = await inside.browser.newPage();
    const failed: string[] = [];
    page.on('requestfailed', (request) => failed.push(`${request.url()}: ${request.failure()?.errorText}`));
    page.on(
      'response',
      (response) => response.status() >= 400 && failed.push(`${response.status()} ${response.url()}`),
    );
    page.on('pageerror', (error) => failed.push(String(error)));

    await page.goto('https://localhost:8443/units/__docs__/');
    assert.equal(await page.evaluate('isSecureContext && location.protocol'), 'https:');
    await page.locator('.swagger-ui .title', { hasText: 'Units' }).waitFor();
    const operation = page.locator('.opblock', { hasText: '/temperature' });
    await operation.locator('.opblock-summary').click();
    await operation.getByRole('button', { name: 'Try it out' }).click();
    await operation.locator('input[placeholder="celsius"]').fill('21');
    await operation.getByRole('button', { name: 'Execute' }).click();
    const answer = operation.locator('.live-responses-table .response');
    await answer.waitFor();
    assert.match((await answer.locator('.response-col_status').textContent()) ?? '', /^\s*200/);
    assert.match(
      (await answer.locator('.response-col_description').first().textContent()) ?? '',
      /"fahrenheit": 69\.8/,
    );
    assert.match(
      (await operation.locator('.request-url').textContent()) ?? '',
      /https:\/\/localhost:8443\/units\/temperature\?celsius=21/,
    );
    assert.deepEqual(failed, []);
  });

  it('has a certificate from an authority where it is given a domain', async function () {
    if (!hasCertificateAuthority()) {
      console.log('    left out: this machine has no Pebble, and set-up could not install it');
      this.skip();
    }
    await using authority = await CertificateAuthority.start(Number(plain.port));
    const domain = 'units.example.org';
    const settings = {
      DOMAIN: domain,
      EMAIL: 'ops@example.org',
      DIRECTORY: authority.directory,
      CA: authority.caFile,
    };
    const published = { HTTPS_PORT: web.port, HTTP_PORT: plain.port };
    const { exitCode, stderr } = await new Example('10-https', { ...published, ...settings }).up();
    assert.equal(exitCode, 0, stderr);
    const ca = await authority.root();
    assert.equal(
      await statusOf(web, { ca, servername: domain, host: domain, path: '/units/length?metres=1' }),
      200,
    );
  });
});

/** How Chromium names a key: the digest of its public half. */
function keyDigest({ publicKey }: X509Certificate): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
}

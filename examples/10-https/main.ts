import { join } from 'node:path';
import { plumber, Stack, type Tls } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';

const {
  STACK = 'https',
  HTTPS_PORT = '8443',
  HTTP_PORT = '8080',
  DOMAIN,
  EMAIL,
  DIRECTORY,
  CA,
} = process.env;

const stack = new Stack(STACK, { baseDir: join(__dirname, '..', '01-apps-on-ports') });

const units = stack.app('units', plumber('./app2/plumber.R'));

// With a domain that leads to this machine, on ports 443 and 80: a certificate that every browser trusts.
const issued = (email: string): Tls => ({
  acme: { termsAgreed: true, email, ...(DIRECTORY && { directory: DIRECTORY }), ...(CA && { ca: CA }) },
  hsts: { maxAgeSeconds: 86_400 },
});
// Without one, a certificate that browsers warn of until they are told to trust it.
const forDevelopment: Tls = { selfSigned: true };

stack
  .router('web', {
    // HTTPS first. Plain HTTP leads there, and answers the authority.
    publish: [Number(HTTPS_PORT), Number(HTTP_PORT)],
    ...(DOMAIN && { serverName: DOMAIN }),
    tls: DOMAIN && EMAIL ? issued(EMAIL) : forDevelopment,
  })
  .route('/units/', units);

async function main(): Promise<void> {
  const runtime = new DockerRuntime();
  if (process.argv.includes('--down')) return runtime.down(stack);

  // Once a day is enough: where a certificate is about to end, it is renewed, and otherwise nothing happens.
  const deployment = await runtime.up(stack);
  const web = deployment.endpoint('web');
  console.log(`the API: ${new URL('/units/temperature?celsius=21', web)}`);
  console.log(`its documentation: ${new URL('/units/__docs__/', web)}`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

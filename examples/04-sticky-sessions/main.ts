import { plumber, Stack } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';

const { STACK = 'sticky-sessions', PORT = '8080' } = process.env;

const stack = new Stack(STACK, { baseDir: __dirname });

// Baskets live in the memory of one R process. New visitors go to the workers in turn, and the cookie keeps each on the
// worker that has the basket.
const shop = stack.app('shop', plumber('./app/plumber.R'));
const workers = stack.pool('workers', { app: shop, replicas: 3, balance: 'roundrobin', sticky: 'cookie' });
stack.router('web', { publish: Number(PORT) }).route('/shop/', workers);

interface Answer {
  readonly worker: string;
  readonly basket: readonly string[];
}

/** Fills a basket, one request per thing; a client with cookies sends back what it was given, as a browser does. */
async function shopping(visitor: string, shopUrl: URL, cookies: boolean): Promise<void> {
  let cookie = '';
  for (const thing of ['tea', 'milk', 'honey', 'bread', 'jam', 'salt']) {
    const url = new URL(`baskets/${visitor}?thing=${thing}`, shopUrl);
    const response = await fetch(url, { method: 'POST', headers: { cookie } });
    const { worker, basket } = (await response.json()) as Answer;
    const given = response.headers.getSetCookie().map((each) => each.split(';', 1)[0]);
    if (cookies && given.length > 0) cookie = given.join('; ');
    console.log(`${visitor} puts in ${thing}: ${worker} has ${basket.join(', ')}`);
  }
}

async function main(): Promise<void> {
  const runtime = new DockerRuntime();
  if (process.argv.includes('--down')) return runtime.down(stack);

  const deployment = await runtime.up(stack);
  const shopUrl = new URL('/shop/', deployment.endpoint('web'));
  await shopping('ann', shopUrl, true);
  await shopping('bob-without-cookies', shopUrl, false);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

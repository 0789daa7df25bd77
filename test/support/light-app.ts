import type { AppOptions } from '@plumbstack/core';
import { buildImage } from './docker-cli';

// A server that tells what it saw: who answered, which path and headers arrived, and the version in its environment.
// `/slow?ms=` answers late, `/count` counts in this process alone, `/crash` ends it. Asked to stop, it finishes first.
const server = `
const { hostname } = require('node:os');
let count = 0;
const app = require('node:http').createServer((request, response) => {
  const url = new URL(request.url, 'http://app');
  if (url.pathname === '/crash') process.exit(7);
  const answer = () => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({
      host: hostname(), path: request.url, headers: request.headers, version: process.env.VERSION,
      count: url.pathname === '/count' ? ++count : count,
    }));
  };
  setTimeout(answer, Number(url.searchParams.get('ms') ?? 0));
});
app.keepAliveTimeout = 60_000;
app.listen(8000);
process.on('SIGTERM', () => { app.close(() => process.exit(0)); app.closeIdleConnections(); });
`;

export interface Answer {
  readonly host: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly version?: string;
  readonly count: number;
}

/** An HTTP app that starts at once. */
export function lightApp(options: AppOptions = {}): AppOptions {
  return { image: 'node:24-slim', command: ['node', '-e', server], ...options };
}

/** The same code in the environment's version. */
export function lightAppOf(version: string, options: AppOptions = {}): AppOptions {
  return lightApp({ ...options, env: { VERSION: version, ...options.env } });
}

/** Name of an image for {@link lightApp} that has the version in it. */
export function lightImage(version: string): string {
  return `plumbstack-test/light:${version}`;
}

export async function buildLightImage(version: string): Promise<void> {
  await buildImage(lightImage(version), `FROM node:24-slim\nENV VERSION=${version}\n`);
}

import { Stack } from '@plumbstack/core';

/** An API in the given version: a pool of two workers behind a router on any free port. */
export function shop(name: string, version: string): Stack {
  const stack = new Stack(name);
  const api = stack.app('api', {
    image: { reference: 'node:24-slim', pull: 'missing' },
    command: ['node', '-e', server],
    env: { VERSION: version },
  });
  const workers = stack.pool('workers', { app: api, replicas: 2 });
  stack.router('web', { publish: 0 }).route('/', workers);
  return stack;
}

const server = `
const answer = JSON.stringify({ version: process.env.VERSION, worker: require('node:os').hostname() });
const app = require('node:http').createServer((_, response) => response.end(answer)).listen(8000);
process.on('SIGTERM', () => app.close(() => process.exit(0)));
`;

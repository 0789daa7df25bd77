import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { isPlumbstackError } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';
import type { LifecycleDeployment, LifecycleEventName } from '@plumbstack/events';
import { sseHeaders, writeSse } from '@plumbstack/events/sse';
import { page } from './page';
import { shop } from './stack';

const { STACK = 'embedded-service', PORT = '8080' } = process.env;

const runtime = new DockerRuntime();
const ended = new AbortController();
/** The stack as it is up; from the last run of this program too, where that left it up. */
let deployment: LifecycleDeployment | undefined;

/** What the page shows of all that is told. */
const shown: readonly LifecycleEventName[] = [
  ...(['stack:up:started', 'stack:up:finished', 'stack:up:failed'] as const),
  ...(['container:started', 'container:exited', 'container:stopped', 'container:removed'] as const),
  ...(['worker:joined', 'worker:left', 'worker:unhealthy', 'worker:recovered', 'pool:queue'] as const),
  ...(['stream:gap', 'stream:stale', 'stream:recovered'] as const),
];

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void;

const handlers: Readonly<Record<string, Handler>> = {
  'GET /': (_, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page);
  },
  'GET /event-names': (_, response) => answer(response, 200, shown),
  'GET /status': async (_, response) => {
    const status = await deployment?.status();
    answer(response, 200, status ?? { stack: STACK, healthy: false, resources: [] });
  },
  'GET /events': async (request, response) => {
    response.writeHead(200, sseHeaders).flushHeaders();
    // No faster than the browser reads; after the event that it had last, where it comes back.
    await writeSse(runtime.events, response, {
      lastEventId: request.headers['last-event-id'],
      filter: ({ type }) => shown.includes(type),
      signal: ended.signal,
    });
    response.end();
  },
  'POST /deploy': async (request, response) => {
    const { version } = (await json(request)) as { readonly version?: unknown };
    if (typeof version !== 'string' || !/^[\w.]{1,20}$/.test(version))
      return answer(response, 400, { answer: 'a version is up to 20 letters, digits and dots' });
    deployment = await runtime.up(shop(STACK, version), { signal: ended.signal });
    answer(response, 200, { answer: `version ${version} is up at ${deployment.endpoint('web').href}` });
  },
};

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Whoever may start containers may do anything on the machine: no other site's page may have this one's visitor do it. */
function isForeign({ headers }: IncomingMessage): boolean {
  const own = [`127.0.0.1:${PORT}`, `localhost:${PORT}`];
  const { host = '', origin } = headers;
  return (
    !own.includes(host) || (origin !== undefined && !own.map((each) => `http://${each}`).includes(origin))
  );
}

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const handler = handlers[`${request.method} ${request.url}`];
  try {
    if (isForeign(request)) answer(response, 403, { answer: 'not from here' });
    else if (handler === undefined) answer(response, 404, { answer: 'not found' });
    else await handler(request, response);
  } catch (error) {
    // A PlumbstackError says what to do; anything else is for the log.
    if (!isPlumbstackError(error)) console.error(error);
    if (!response.headersSent)
      answer(response, 500, {
        answer: isPlumbstackError(error) ? `${error.message} ${error.hint ?? ''}` : 'failed',
      });
  }
}

async function main(): Promise<void> {
  if (process.argv.includes('--down')) return runtime.down(STACK, { volumes: true });
  deployment = await runtime.attach(STACK).catch((error: unknown) => {
    if (isPlumbstackError(error, 'NOT_FOUND')) return undefined;
    throw error;
  });
  const server = createServer((request, response) => void handle(request, response));
  server.listen(Number(PORT), '127.0.0.1', () => console.log(`open http://127.0.0.1:${PORT}/`));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      // The stack stays up: it needs nobody.
      ended.abort();
      server.close(() => void runtime[Symbol.asyncDispose]());
      server.closeIdleConnections();
    });
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

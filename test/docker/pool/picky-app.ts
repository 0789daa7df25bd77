import type { AppOptions } from '@plumbstack/core';

// A server whose port opens at once, and that answers 500 to everybody until it is ready: READY_MS after its start, or
// never. Ready, it answers 200 to all but checks, which it passes at HEALTH alone, and to `/slow` late. When it is
// ready it writes a file. Told to stop, it finishes first, or ends at once as R does.
const server = `
const { PORT, HEALTH, READY_MS, VERSION, ENDS } = process.env;
let ready = false;
if (READY_MS !== 'never') {
  setTimeout(() => { ready = true; require('node:fs').writeFileSync('/tmp/ready', ''); }, Number(READY_MS));
}
const app = require('node:http').createServer((request, response) => {
  if (request.url === '/crash') process.exit(7);
  const isCheck = request.url.startsWith('/check');
  response.statusCode = !ready ? 500 : isCheck && request.url !== HEALTH ? 404 : 200;
  setTimeout(() => response.end(VERSION), request.url === '/slow' ? 8000 : 0);
});
app.keepAliveTimeout = 60_000;
app.listen(Number(PORT));
console.log('listening on ' + PORT);
process.on('SIGTERM', () => { if (ENDS === 'at once') process.exit(0); app.close(() => process.exit(0)); app.closeIdleConnections(); });
`;

export interface PickyApp {
  readonly version: string;
  /** Path of the one check that it passes. @default '/check' */
  readonly health?: string;
  /** @default 0 */
  readonly readyMs?: number | 'never';
  /** @default 8000 */
  readonly port?: number;
  /** Whether it loses what it is answering when it is told to stop, as R does. @default false */
  readonly endsAtOnce?: boolean;
  /** How it is checked. @default { http } at its path */
  readonly check?: AppOptions['health'];
}

/** Ends with 0 once the app is ready. */
export const readyCommand = ['test', '-e', '/tmp/ready'] as const;

/** An app that takes requests before it can answer them. */
export function pickyApp({
  version,
  health = '/check',
  readyMs = 0,
  port = 8000,
  endsAtOnce = false,
  check,
}: PickyApp): AppOptions {
  return {
    image: 'node:24-slim',
    command: ['node', '-e', server],
    env: {
      VERSION: version,
      HEALTH: health,
      READY_MS: String(readyMs),
      PORT: String(port),
      ...(endsAtOnce && { ENDS: 'at once' }),
    },
    port,
    health: check ?? { http: health },
    // The engine runs a command only now and then, and later on a busy machine.
    startTimeoutMs: readyMs !== 'never' ? 60_000 : check === undefined ? 3000 : 12_000,
  };
}

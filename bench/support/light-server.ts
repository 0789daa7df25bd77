/** What every contender runs: a server that starts at once, and finishes its requests when it is asked to stop. */
export const lightServer = [
  'node',
  '-e',
  [
    "const app = require('node:http').createServer((request, response) => response.end(process.env.VERSION ?? '1'));",
    'app.keepAliveTimeout = 60000;',
    'app.listen(8000);',
    "process.on('SIGTERM', () => { app.close(() => process.exit(0)); app.closeIdleConnections(); });",
  ].join(' '),
];
export const lightImage = 'node:24-slim';

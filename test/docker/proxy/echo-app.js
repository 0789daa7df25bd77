// A small HTTP app for the tests of the proxies: tells what reached it, and misbehaves when asked to.
'use strict';
const { createServer } = require('node:http');
const { createHash } = require('node:crypto');

const name = process.env.APP_NAME ?? 'app';
let working = 0;
let mostAtOnce = 0;
let seen = 0;
const streams = new Map();

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** `name:value` as headers. */
function header(text) {
  const [, field, value] = /^([^:]+):(.*)$/.exec(text ?? '') ?? [];
  return field === undefined ? {} : { [field]: value };
}

const routes = {
  '/redirect': (request, response, query) => response.writeHead(302, { location: query.get('to') }).end(),
  '/cookie': (request, response, query) =>
    response.writeHead(200, { 'set-cookie': `seen=1; Path=${query.get('path')}` }).end('cookie'),
  '/cookies': (request, response, query) =>
    response.writeHead(200, { 'set-cookie': query.getAll('cookie') }).end('cookies'),
  '/status': (request, response, query) =>
    response
      .writeHead(Number(query.get('code')), { 'x-from': name, ...header(query.get('header')) })
      .end(name),
  '/accel': (request, response, query) =>
    response.writeHead(200, { 'x-accel-redirect': query.get('to') }).end('direct'),
  '/headers': (request, response) =>
    response
      .writeHead(200, { 'x-frame-options': 'from-app', 'set-cookie': 'a=b', server: 'secret/1.2' })
      .end('headers'),
  '/big': (request, response) => {
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ text: 'x'.repeat(100_000) }));
  },
  '/crash': () => process.exit(1),
  // At once, or after a time; without a byte, or with the beginning of an answer.
  '/hang-up': async (request, response, query) => {
    request.resume();
    await sleep(Number(query.get('ms') ?? 0));
    request.socket.end(query.get('begin') ?? '');
  },
  '/events': async (request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: one\n\n');
    await sleep(1500);
    response.end('data: two\n\n');
  },
  // Goes on until it is told to end, or for this number of pieces.
  '/stream': (request, response, query) => {
    response.writeHead(200, { 'content-type': 'text/plain', 'x-app': name });
    let left = Number(query.get('pieces') ?? Infinity);
    const end = () => {
      clearInterval(timer);
      response.end('end\n');
    };
    const timer = setInterval(() => (left-- > 0 ? response.write('more\n') : end()), 50);
    response.on('close', () => clearInterval(timer));
    streams.set(query.get('id'), end);
  },
  '/end-stream': (request, response, query) => {
    streams.get(query.get('id'))?.();
    response.end(name);
  },
  '/upload': (request, response) => {
    request.once('data', () => response.writeHead(200).write('first'));
    request.on('end', () => response.end(' last'));
  },
  '/slow': async (request, response, query) => {
    working++;
    mostAtOnce = Math.max(mostAtOnce, working);
    await sleep(Number(query.get('ms')));
    working--;
    response.writeHead(200, { 'x-app': name }).end(name);
  },
  // As single-threaded R does: nothing else is answered meanwhile.
  '/block': (request, response, query) => {
    const end = Date.now() + Number(query.get('ms'));
    while (Date.now() < end);
    response.end(name);
  },
  '/counts': (request, response) => response.end(JSON.stringify({ mostAtOnce, seen })),
};

const server = createServer(async (request, response) => {
  seen++;
  // Which connection it came over.
  response.setHeader('x-connection', String(request.socket.remotePort)); // none where it has gone again
  const url = new URL(request.url, 'http://app');
  const route = Object.entries(routes).find(([path]) => url.pathname.endsWith(path))?.[1];
  if (route !== undefined) return route(request, response, url.searchParams);
  let bodyLength = 0;
  for await (const chunk of request) bodyLength += chunk.length;
  response.writeHead(200, { 'content-type': 'application/json', 'x-app': name });
  response.end(
    JSON.stringify({
      app: name,
      method: request.method,
      url: request.url,
      headers: request.headers,
      bodyLength,
    }),
  );
});

// RFC 6455: the handshake, and then every byte comes back.
server.on('upgrade', (request, socket) => {
  const accept = createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nX-Url: ${request.url}\r\n\r\n`,
  );
  // A proxy may cut it.
  socket.on('error', () => socket.destroy());
  socket.pipe(socket);
});

process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
server.listen(Number(process.env.PORT ?? 8000), '0.0.0.0');

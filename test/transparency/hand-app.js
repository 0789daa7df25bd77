// A server that speaks HTTP/1.1 by hand, so that it can be wrong on purpose. Without a script it answers with what it got.
// The header `x-script` holds a script in base64url: what to send, byte by byte, when, and whether to hang up. `x-id` is
// counted; `x-ask` asks for the counts. Port 8001 is for the test alone: `/release` ends what is held, `/counts` tells.
const { createHash } = require('node:crypto');
const http = require('node:http');
const net = require('node:net');

const counts = new Map();
const held = new Set();
let atOnce = 0;
let mostAtOnce = 0;

/** Bytes of a connection as they are asked for. */
class Reader {
  #chunks = Buffer.alloc(0);
  #ended = false;
  #wake = () => undefined;

  constructor(socket) {
    socket.on('data', (chunk) => {
      this.#chunks = Buffer.concat([this.#chunks, chunk]);
      this.#wake();
    });
    for (const event of ['end', 'close', 'error'])
      socket.on(event, () => {
        this.#ended = true;
        this.#wake();
      });
  }

  async #more() {
    if (this.#ended) throw new Error('ended');
    await new Promise((resolve) => (this.#wake = resolve));
  }

  async bytes(count) {
    const parts = [];
    let missing = count;
    for (;;) {
      const part = this.#chunks.subarray(0, missing);
      this.#chunks = this.#chunks.subarray(part.length);
      parts.push(part);
      missing -= part.length;
      if (missing === 0) return Buffer.concat(parts);
      await this.#more();
    }
  }

  async line() {
    for (;;) {
      const end = this.#chunks.indexOf('\n');
      if (end >= 0) {
        const line = this.#chunks.subarray(0, end).toString('latin1').replace(/\r$/, '');
        this.#chunks = this.#chunks.subarray(end + 1);
        return line;
      }
      await this.#more();
    }
  }

  async fields() {
    const lines = [];
    for (;;) {
      const line = await this.line();
      if (line === '') return lines;
      lines.push(line);
    }
  }
}

function pairsOf(lines) {
  return lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
}

async function bodyOf(reader, value) {
  if (/chunked/i.test(value('transfer-encoding') ?? '')) {
    const parts = [];
    for (;;) {
      const size = parseInt(await reader.line(), 16);
      if (!(size > 0)) break;
      parts.push(await reader.bytes(size));
      await reader.line();
    }
    return { body: Buffer.concat(parts), trailers: pairsOf(await reader.fields()) };
  }
  return { body: await reader.bytes(Number(value('content-length') ?? 0)), trailers: [] };
}

function told(request) {
  const { body, ...rest } = request;
  return JSON.stringify({
    ...rest,
    length: body.length,
    digest: createHash('sha256').update(body).digest('hex'),
  });
}

/** `<fill:100>` becomes a hundred letters, `<token>` the request's own, `<got>` what it got. */
function bytesOf(text, request) {
  const filled = text.replace(/<fill:(\d+)>/g, (_, count) =>
    'abcdefghij'.repeat(Math.ceil(count / 10)).slice(0, count),
  );
  return Buffer.from(
    filled.replaceAll('<token>', request.token).replaceAll('<got>', () => told(request)),
    'latin1',
  );
}

function written(socket, bytes) {
  return new Promise((resolve) => {
    if (socket.destroyed) return resolve();
    socket.once('close', resolve);
    socket.write(bytes, () => {
      socket.off('close', resolve);
      resolve();
    });
  });
}

async function play(socket, { steps }, request) {
  for (const step of steps) {
    if (step.pauseMs !== undefined) await new Promise((resolve) => setTimeout(resolve, step.pauseMs));
    for (let times = step.times ?? 1; step.send !== undefined && times > 0; times--)
      await written(socket, bytesOf(step.send, request));
    if (step.hold) await new Promise((resolve) => held.add(resolve));
    // As a program ends that closes its socket, whatever is still coming.
    if (step.end) socket.destroySoon();
    if (step.reset) socket.resetAndDestroy();
    if (step.deaf) socket.pause();
  }
}

function echo(socket, request, closes) {
  const text = told(request);
  const head = [
    'HTTP/1.1 200 OK',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(text)}`,
    `X-Token: ${request.token}`,
    ...(request.method === 'HEAD' ? [`X-Got: ${Buffer.from(text).toString('base64')}`] : []),
    ...(closes ? ['Connection: close'] : []),
  ];
  return written(socket, `${head.join('\r\n')}\r\n\r\n${request.method === 'HEAD' ? '' : text}`);
}

function answerCounts(socket) {
  const text = JSON.stringify(Object.fromEntries(counts));
  return written(
    socket,
    `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`,
  );
}

/** One request; whether the connection stays. */
async function serve(socket, reader) {
  const line = await reader.line();
  const headers = pairsOf(await reader.fields());
  const value = (name) => headers.find(([each]) => each.toLowerCase() === name)?.[1];
  const [method = '', target = '', version = ''] = line.split(' ');
  const script = JSON.parse(Buffer.from(value('x-script') ?? '', 'base64url').toString() || 'null');
  const request = {
    method,
    target,
    version,
    headers,
    token: value('x-token') ?? '',
    body: Buffer.alloc(0),
    trailers: [],
  };
  if (script?.early) {
    count(value('x-id'));
    await play(socket, script, request);
    if (!script.deaf) await bodyOf(reader, value);
    return true;
  }
  if (/100-continue/i.test(value('expect') ?? '') && !script?.silent)
    await written(socket, 'HTTP/1.1 100 Continue\r\n\r\n');
  Object.assign(request, await bodyOf(reader, value));
  count(value('x-id'));
  const closes = version === 'HTTP/1.0' || /close/i.test(value('connection') ?? '');
  mostAtOnce = Math.max(mostAtOnce, ++atOnce);
  try {
    if (value('x-ask') === 'counts') await answerCounts(socket);
    else if (script === null) await echo(socket, request, closes);
    else await play(socket, script, request);
  } finally {
    atOnce--;
  }
  return script?.stay || !closes;
}

function count(id) {
  if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1);
}

net
  .createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    const reader = new Reader(socket);
    (async () => {
      while (await serve(socket, reader));
      socket.end();
    })().catch(() => socket.destroy());
  })
  .listen(8000);

http
  .createServer((request, response) => {
    if (request.url === '/release') {
      for (const release of held) release();
      held.clear();
    }
    response.end(JSON.stringify({ counts: Object.fromEntries(counts), held: held.size, mostAtOnce }));
  })
  .listen(8001, '127.0.0.1');

process.on('SIGTERM', () => process.exit(0));

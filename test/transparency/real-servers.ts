import { plumber, type AppOptions } from '@plumbstack/core';
import { buildImage } from '../support/docker-cli';

export const pythonServers = 'plumbstack-test/python-servers:1';

// Debian testing's lists may be older than they say they are valid.
const pythonImage = `
FROM debian:forky-slim
RUN apt-get -o Acquire::Check-Valid-Until=false update \\
 && apt-get install -y --no-install-recommends python3-uvicorn gunicorn \\
 && rm -rf /var/lib/apt/lists/*
`;

/** Built once: Docker keeps it. */
export const buildPythonServers = (): Promise<void> => buildImage(pythonServers, pythonImage);

// All tell the same: the method, the path, the query, a header and the body, of which the digest would be as good.
const httpuv = `
#* @filter all
function(req, res) {
  res$setHeader("X-Token", if (is.null(req$HTTP_X_TOKEN)) "" else req$HTTP_X_TOKEN)
  res$setHeader("Content-Type", "text/plain")
  body <- if (length(req$bodyRaw) > 0) rawToChar(req$bodyRaw) else ""
  res$body <- paste(req$REQUEST_METHOD, req$PATH_INFO, req$QUERY_STRING, req$HTTP_X_SAID, body, sep = "\\n")
  res
}
`;

const node = `
require('node:http').createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const [path, query = ''] = request.url.split('?');
    response.setHeader('X-Token', request.headers['x-token'] ?? '');
    response.setHeader('Content-Type', 'text/plain');
    const body = Buffer.concat(parts).toString();
    response.end([request.method, path, query, request.headers['x-said'] ?? '', body].join('\\n'));
  });
}).listen(8000);
process.on('SIGTERM', () => process.exit(0));
`;

const asgi = `
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    headers = dict(scope["headers"])
    told = [scope["method"].encode(), scope["raw_path"].split(b"?")[0], scope["query_string"], headers.get(b"x-said", b""), body]
    text = b"\\n".join(told)
    await send({"type": "http.response.start", "status": 200, "headers": [
        (b"x-token", headers.get(b"x-token", b"")), (b"content-type", b"text/plain"), (b"content-length", str(len(text)).encode())]})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else text})
`;

const wsgi = `
def app(environ, start_response):
    body = environ["wsgi.input"].read()
    path = environ["RAW_URI"].split("?")[0]
    told = [environ["REQUEST_METHOD"], path, environ["QUERY_STRING"], environ.get("HTTP_X_SAID", "")]
    text = "\\n".join(told).encode("latin1") + b"\\n" + body
    start_response("200 OK", [("X-Token", environ.get("HTTP_X_TOKEN", "")), ("Content-Type", "text/plain"), ("Content-Length", str(len(text)))])
    return [text]
`;

const plain = `
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path, _, query = self.path.partition("?")
        text = "\\n".join([self.command, path, query, self.headers.get("X-Said", "")]).encode("latin1") + b"\\n" + body
        self.send_response(200)
        self.send_header("X-Token", self.headers.get("X-Token", ""))
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)
    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = answer
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
`;

function inPython(content: string, ...command: readonly string[]): (options?: AppOptions) => AppOptions {
  return (options = {}) => ({
    image: { reference: pythonServers, pull: 'never' },
    workingDir: '/srv',
    command,
    files: [{ target: '/srv/program.py', content }],
    stopGraceMs: 0,
    ...options,
  });
}

export interface RealServer {
  readonly name: string;
  /** @param rFile an R file with {@link rProgram} */
  readonly program: (rFile: string) => (options?: AppOptions) => AppOptions;
  /** Whether it takes a body in chunks. */
  readonly takesChunks: boolean;
}

/** For a file of a folder of its own. */
export const rProgram = httpuv;

export const realServers: readonly RealServer[] = [
  {
    name: 'httpuv',
    program:
      (rFile) =>
      (options = {}) =>
        plumber(rFile, { image: 'rstudio/plumber:latest', ...options }),
    takesChunks: true,
  },
  {
    name: "Node's http",
    program:
      () =>
      (options = {}) => ({ image: 'node:24-slim', command: ['node', '-e', node], ...options }),
    takesChunks: true,
  },
  {
    name: 'uvicorn',
    program: () =>
      inPython(asgi, 'python3', '-m', 'uvicorn', '--host', '0.0.0.0', '--port', '8000', 'program:app'),
    takesChunks: true,
  },
  {
    name: 'gunicorn',
    program: () =>
      inPython(
        wsgi,
        'gunicorn',
        '--bind',
        '0.0.0.0:8000',
        '--threads',
        '4',
        '--limit-request-field_size',
        '32768',
        '--keep-alive',
        '5',
        'program:app',
      ),
    takesChunks: true,
  },
  {
    name: "Python's http.server",
    program: () => inPython(plain, 'python3', '/srv/program.py'),
    takesChunks: false,
  },
];

import { scripted, type Field, type Framing, type Question, type Script } from './question';
import type { Mode } from './ways';

/** A request, and what the app answers: what it got, unless there is a script. */
export interface Case extends Question {
  readonly title: string;
  readonly group: Group;
  /** Modes in which it can be asked. @default all */
  readonly modes?: readonly Mode[];
}

export type Group = 'methods and bodies' | 'targets' | 'request headers' | 'answers';
export const groups: readonly Group[] = ['methods and bodies', 'targets', 'request headers', 'answers'];

const http1: readonly Mode[] = ['new', 'kept'];
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
const framings: readonly Framing[] = ['none', 'length', 'chunked', 'trailers', 'expect', 'expect chunked'];
const text = 'name=Zo\xeb&note=a+b%2Fc\r\n\r\n0\r\n\r\n'.repeat(9);

const methodsAndBodies: readonly Case[] = [
  ...methods.flatMap((method) =>
    framings.map((framing): Case => ({
      title: `${method}, body: ${framing}`,
      group: 'methods and bodies',
      method,
      target: '/items',
      framing,
      ...(framing !== 'none' && { body: text }),
      // nginx takes trailers of a request for an error of HTTP/2, and hangs up.
      ...(framing === 'trailers' && { modes: http1 }),
    })),
  ),
  ...(['length', 'chunked', 'expect'] as const).flatMap((framing): Case[] => [
    { ...post(`empty, ${framing}`), framing, body: '' },
    { ...post(`of 200 KB, ${framing}`), framing, body: 'x\0\xff\n'.repeat(50_000) },
    { ...post(`in 9 pieces, ${framing}`), framing, body: text, pieces: 9, modes: http1 },
  ]),
  { ...post('of HTTP/1.0'), framing: 'length', body: text, version: '1.0', modes: ['new'] },
  { ...post('none, of HTTP/1.0'), method: 'GET', version: '1.0', modes: ['new'] },
  // No verbs of a library's list: whatever is a token is a method.
  ...['PROPFIND', 'REPORT', 'M-SEARCH', 'PURGE'].map((method): Case => ({
    ...post(`of the method ${method}`),
    method,
    framing: 'length',
    body: text,
  })),
];

function post(title: string): Case {
  return { title: `a body ${title}`, group: 'methods and bodies', method: 'POST', target: '/items' };
}

/** Paths and queries that mean something else where somebody decodes, folds or cuts them. */
const targets: readonly string[] = [
  '/',
  '/items/a%2Fb',
  '/items/a%2fb/c',
  '/a//b',
  '//a',
  '///',
  '/a/',
  '/a%2Bb%3Bc%3Dd%26e',
  '/a+b;c=d&e',
  '/a%20b',
  '/%E2%82%AC',
  '/%41bc',
  '/a%3Fb%23c%25d',
  '/a%25%32%46b',
  '/a..b/...',
  '/.well-known/x',
  '/a%5Cb',
  '/a/..%2fb',
  '/..%2Fb',
  '/%2e%2e%2fb',
  "/a'b(c)*d!e~f@g:h,i$j",
  '/a"b',
  '/a<b>|c^d`e{f}',
  '/[a]',
  '/a\\b',
  '/caf\xc3\xa9',
  '/caf\xe9',
  `/${'long'.repeat(1500)}`,
  '/a?',
  '/a?b=c?d=/e//f',
  '/a?b=%2F%2f%20+%26&c&&d=',
  '/a?b=..%2f../x',
  '/a?b="<>\\^`{|}',
  '/a?b=caf\xc3\xa9',
  '/a?b=http://example.org/x%23y',
  '/?a=1',
  '/?/../x',
  `/a?q=${'long'.repeat(1500)}`,
  '/http://example.org/x',
  '/a%0d%0aX-Injected:%201',
  '/a%0Ab',
  '/a%7Fb',
];

/** Targets that are no proper URL, or that lead upwards: where they arrive, they arrive as they are. */
const doubtfulTargets: readonly string[] = [
  '/a/../b',
  '/./a',
  '/a/./b',
  '/a/..',
  '/a/%2e%2e/b',
  '/a/.%2E/b',
  '/%2e/a',
  '/a/..;x/b',
  '/a/..?q=1',
  '/a#b',
  '/a?b#c',
  '/a%',
  '/a%zz',
  '/a%00b',
];

const targetCases: readonly Case[] = [
  ...[...targets, ...doubtfulTargets].flatMap((target): Case[] =>
    (['GET', 'POST'] as const).map((method) => ({
      title: `${method} ${target.length > 60 ? `${target.slice(0, 20)}...` : target}`,
      group: 'targets',
      method,
      target,
      ...(method === 'POST' && { framing: 'length', body: 'x=1' }),
    })),
  ),
  {
    title: 'an absolute URL',
    group: 'targets',
    method: 'GET',
    target: '/a%2Fb?c=d',
    absolute: true,
    modes: http1,
  },
];

const manyBytes = 'abcdefghij'.repeat(400);

const requestHeaders: readonly (readonly [string, readonly Field[], (readonly Mode[])?])[] = [
  ['a name with _', [['api_key', 's']]],
  ['a name with a dot', [['X.y', '1']]],
  ['a name with !', [['a!b', '1']]],
  ['a name of every other sign', [["x#$%&'*+-^`|~9", '1']]],
  ['an empty value', [['X-Empty', '']]],
  ['a value with tab and quotes', [['X-Value', 'a\tb "c\\"d", e; f="g"']]],
  ['a value in latin1', [['X-Value', 'caf\xe9']]],
  ['a value in UTF-8', [['X-Value', 'caf\xc3\xa9']], http1],
  [
    'one name twice',
    [
      ['X-Twice', 'a'],
      ['X-Twice', 'b, c'],
    ],
  ],
  [
    'two names that differ by _',
    [
      ['X-Name', 'a'],
      ['X_Name', 'b'],
    ],
  ],
  ['cookies', [['Cookie', 'a=b; c="d e"; f=g=h; $x=1']]],
  [
    'two lines of cookies',
    [
      ['Cookie', 'a=b'],
      ['Cookie', 'c=d'],
    ],
  ],
  ['a password', [['Authorization', 'Basic YTpi']]],
  ['a token', [['Authorization', 'Bearer a.b-c_d~e+f/g==']]],
  ['a wish for gzip', [['Accept-Encoding', 'gzip, br']]],
  [
    'conditions',
    [
      ['If-None-Match', 'W/"a", "b"'],
      ['If-Modified-Since', 'Sat, 29 Oct 1994 19:43:31 GMT'],
    ],
  ],
  [
    'a wish for a part',
    [
      ['Range', 'bytes=0-3'],
      ['If-Range', '"a"'],
    ],
  ],
  [
    'where it comes from',
    [
      ['Referer', 'http://a.org/?b=c'],
      ['Origin', 'null'],
      ['User-Agent', 'a (b; c)'],
    ],
  ],
  [
    'what is sent',
    [
      ['Content-Type', 'text/plain; charset="utf-8"'],
      ['Content-Language', 'de'],
      ['Content-Encoding', 'gzip'],
    ],
  ],
  [
    'trace',
    [
      ['Traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
      ['Tracestate', 'a=b'],
    ],
  ],
  [
    '12 KB of cookies and a token of 4 KB',
    [
      ['Cookie', `a=${manyBytes.repeat(3)}`],
      ['Authorization', `Bearer ${manyBytes}`],
    ],
  ],
  ['three headers of 12 KB', ['A', 'B', 'C'].map((name): Field => [`X-Long-${name}`, manyBytes.repeat(3)])],
  ['90 headers', Array.from({ length: 90 }, (_, index): Field => [`X-Number-${index}`, String(index)])],
  [
    'X-Accel',
    [
      ['X-Accel-Redirect', '/a'],
      ['X-Sendfile', '/b'],
    ],
  ],
  ['trailers welcome', [['TE', 'trailers']]],
  ['a proxy of CGI', [['Proxy', 'http://192.0.2.1']]],
  [
    'forged words of proxies',
    [
      ['X-Forwarded-For', '192.0.2.1'],
      ['X-Forwarded-Proto', 'gopher'],
      ['X-Forwarded-Host', 'forged.org'],
      ['X-Forwarded-Prefix', '/forged'],
      ['X-Real-IP', '192.0.2.2'],
      ['Forwarded', 'for=192.0.2.3'],
      ['X-Request-Id', 'forged'],
      ['X-Forwarded-Port', '1'],
      ['X-Forwarded-Server', 'forged.org'],
    ],
  ],
  [
    'look-alikes of words of proxies',
    [
      ['X_Forwarded_For', '192.0.2.1'],
      ['X-Forwarded_For', '192.0.2.1'],
      ['X_Forwarded_Proto', 'gopher'],
      ['X-Real_IP', '192.0.2.2'],
      ['X_Request_Id', 'forged'],
      ['x_forwarded_prefix', '/forged'],
      ['X_Forwarded_Host', 'forged.org'],
    ],
  ],
  [
    'look-alikes of words of HTTP',
    [
      ['Content_Length', '5'],
      ['Transfer_Encoding', 'chunked'],
    ],
  ],
  [
    'an upgrade that nobody carries',
    [
      ['Connection', 'Upgrade, HTTP2-Settings'],
      ['Upgrade', 'h2c'],
      ['HTTP2-Settings', 'AAMAAABkAAQAoAAAAAIAAAAA'],
    ],
    http1,
  ],
  [
    'a header of this connection alone',
    [
      ['Connection', 'close'],
      ['Keep-Alive', 'timeout=5'],
    ],
    ['new'],
  ],
];

const headerCases: readonly Case[] = [
  ...requestHeaders.flatMap(([title, headers, modes]): Case[] =>
    (['GET', 'POST'] as const).map((method) => ({
      title: `${method} with ${title}`,
      group: 'request headers',
      method,
      target: '/h',
      headers,
      ...(modes !== undefined && { modes }),
      ...(method === 'POST' && { framing: 'length', body: 'x=1' }),
    })),
  ),
  ...[
    'example.org',
    'example.org:8081',
    'EXAMPLE.org',
    '[2001:db8::1]:81',
    'a_b.example.org',
    'example.org.',
  ].map((host): Case => ({
    title: `Host: ${host}`,
    group: 'request headers',
    method: 'GET',
    target: '/h',
    host,
  })),
];

/** Answers that are right, each to GET, HEAD and POST. */
const answers: readonly (readonly [title: string, head: string, body?: string, rest?: Partial<Script>])[] = [
  ...[200, 201, 202, 203, 206, 226, 299].map((status) => answer(status, 'Fine')),
  ...[300, 303, 305, 306, 307, 308].map((status) => answer(status, 'Elsewhere')),
  ...[400, 401, 402, 403, 404, 405, 406, 407, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418].map(
    (status) => answer(status, 'Your fault'),
  ),
  ...[421, 422, 423, 425, 426, 428, 429, 431, 451, 499].map((status) => answer(status, 'Your fault')),
  ...[500, 501, 502, 503, 504, 505, 507, 511, 599].map((status) => answer(status, 'My fault')),
  ['204', '204 No Content\r\nX-A: b'],
  ['205', '205 Reset Content\r\nContent-Length: 0'],
  ['304', '304 Not Modified\r\nETag: "a"\r\nCache-Control: max-age=1\r\nContent-Location: /x'],
  ['304 with the length of what it would be', '304 Not Modified\r\nETag: "a"\r\nContent-Length: 500'],
  ['no reason', '200 \r\nContent-Length: 2', 'ok'],
  ['no length', '200 OK\r\nConnection: close', 'until the end', { steps: [{ end: true }] }],
  ['no length, and nothing', '200 OK\r\nConnection: close', '', { steps: [{ end: true }] }],
  ['chunks', '200 OK\r\nTransfer-Encoding: chunked', '3\r\nabc\r\nA;x="y"\r\n0123456789\r\n0\r\n\r\n'],
  ['no chunks', '200 OK\r\nTransfer-Encoding: chunked', '0\r\n\r\n'],
  [
    'trailers',
    '200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum',
    '3\r\nabc\r\n0\r\nX-Sum: 17\r\n\r\n',
  ],
  ['1 MB', '200 OK\r\nContent-Length: 1000000', '<fill:1000000>'],
  ['1 MB in chunks', '200 OK\r\nTransfer-Encoding: chunked', 'f4240\r\n<fill:1000000>\r\n0\r\n\r\n'],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2', 'ok', { steps: [{ end: true }] }],
  ['HTTP/1.0 without a length', 'HTTP/1.0 200 OK', 'ok', { steps: [{ end: true }] }],
  [
    'five cookies of 3.9 KB',
    `200 OK\r\n${[1, 2, 3, 4, 5].map((n) => `Set-Cookie: c${n}=<fill:3900>; HttpOnly\r\n`).join('')}Content-Length: 2`,
    'ok',
  ],
  [
    'three headers of 12 KB',
    `200 OK\r\n${[1, 2, 3].map((n) => `X-Long-${n}: <fill:12000>\r\n`).join('')}Content-Length: 2`,
    'ok',
  ],
  [
    '90 headers',
    `200 OK\r\n${Array.from({ length: 90 }, (_, n) => `X-Number-${n}: ${n}\r\n`).join('')}Content-Length: 2`,
    'ok',
  ],
  [
    'cookies of hosts',
    '200 OK\r\nSet-Cookie: __Host-s=1; Path=/; Secure; HttpOnly\r\nSet-Cookie: __Secure-t=1; Secure; Domain=example.org\r\nContent-Length: 2',
    'ok',
  ],
  [
    'cookies',
    '200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT; SameSite=None\r\nContent-Length: 2',
    'ok',
  ],
  [
    'cookies of paths',
    '200 OK\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2; path=/x; Secure\r\nContent-Length: 2',
    'ok',
  ],
  ['where it is', '201 Created\r\nLocation: /items/1\r\nContent-Length: 2', 'ok'],
  [
    'where it is, elsewhere',
    '302 Found\r\nLocation: https://elsewhere.org/a%2Fb?c#d\r\nContent-Length: 2',
    'ok',
  ],
  ['where it is, by a relative path', '302 Found\r\nLocation: ../a%2Fb?c#d\r\nContent-Length: 2', 'ok'],
  [
    'headers twice',
    '200 OK\r\nVary: A\r\nVary: B\r\nLink: </a>; rel=x\r\nLink: </b>; rel=y\r\nCache-Control: a\r\nCache-Control: b\r\nWWW-Authenticate: Basic\r\nWWW-Authenticate: Bearer\r\nContent-Length: 2',
    'ok',
  ],
  ['odd names', '200 OK\r\nx_answer: 1\r\na!b: 2\r\nX.y: 3\r\nX-Empty:\r\nContent-Length: 2', 'ok'],
  ['latin1', '200 OK\r\nX-Value: caf\xe9\r\nContent-Length: 2', 'ok'],
  [
    'what it is',
    '200 OK\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-Disposition: attachment; filename="a;b.txt"\r\nContent-Language: de\r\nETag: W/"x"\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\nAccept-Ranges: bytes\r\nAge: 5\r\nExpires: 0\r\nPragma: no-cache\r\nRefresh: 5\r\nRetry-After: 7\r\nAllow: GET\r\nContent-Length: 2',
    'ok',
  ],
  [
    'packed',
    '200 OK\r\nContent-Encoding: gzip\r\nContent-Type: text/plain\r\nContent-Length: 2000',
    '<fill:2000>',
  ],
  [
    'words of proxies',
    '200 OK\r\nVia: 1.1 x\r\nX-Forwarded-For: a\r\nX-Cache: HIT\r\nX-Powered-By: y\r\nContent-Length: 2',
    'ok',
  ],
  [
    'security',
    "200 OK\r\nStrict-Transport-Security: max-age=1\r\nContent-Security-Policy: default-src 'self'; report-uri /x\r\nAccess-Control-Allow-Origin: *\r\nAlt-Svc: clear\r\nContent-Length: 2",
    'ok',
  ],
  [
    'its name and its time',
    '200 OK\r\nServer: mine/1\r\nDate: Wed, 21 Oct 2015 07:28:00 GMT\r\nContent-Length: 2',
    'ok',
  ],
  [
    'words to nginx',
    '200 OK\r\nX-Accel-Redirect: /app/secret\r\nX-Accel-Buffering: no\r\nX-Accel-Charset: x\r\nContent-Length: 2',
    'ok',
  ],
  [
    'early hints',
    'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2',
    'ok',
  ],
];

function answer(status: number, reason: string): readonly [string, string, string] {
  return [
    String(status),
    `${status} ${reason}\r\nX-A: b\r\nContent-Type: text/x-test\r\nContent-Length: 7`,
    `<${status}>!!`,
  ];
}

const answerCases: readonly Case[] = [
  ...answers.flatMap(([title, head, body = '', rest]): Case[] =>
    (['GET', 'HEAD', 'POST'] as const).map((method) => ({
      title: `${method}, answered: ${title}`,
      group: 'answers',
      method,
      target: '/answer',
      ...(method === 'POST' && { framing: 'length', body: 'x=1' }),
      headers: [
        scripted({
          ...rest,
          steps: [
            {
              send: `${head.startsWith('HTTP/') ? '' : 'HTTP/1.1 '}${head}\r\n\r\n${method === 'HEAD' ? '' : body}`,
            },
            ...(rest?.steps ?? []),
          ],
        }),
      ],
    })),
  ),
  {
    title: 'POST, answered: text of 2 KB, to whoever takes gzip',
    group: 'answers',
    method: 'POST',
    target: '/answer',
    framing: 'length',
    body: 'x',
    headers: [
      ['Accept-Encoding', 'gzip'],
      scripted({
        steps: [
          {
            send: 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nETag: "a"\r\nContent-Length: 2000\r\n\r\n<fill:2000>',
          },
        ],
      }),
    ],
  },
];

export const cases: readonly Case[] = [...methodsAndBodies, ...targetCases, ...headerCases, ...answerCases];

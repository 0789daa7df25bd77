import type { Script, Step } from './question';

/** What a wrong app sends, and what may become of it for whoever has asked. */
export interface WrongAnswer {
  readonly title: string;
  readonly methods: readonly Method[];
  readonly script: Script;
  /**
   * The answer that is right for each part of HTTP by itself, where there is one. Anybody may get an error, or an answer
   * that visibly broke off, in its place.
   */
  readonly right?: { readonly status: number; readonly body: string };
  /** Body of the request, in bytes. @default a few for POST */
  readonly uploadBytes?: number;
  /** The app says nothing for long: whoever waits is told when the patience of the proxy is over. @default false */
  readonly silent?: boolean;
}

type Method = 'GET' | 'HEAD' | 'POST';

/** In whatever must never reach anybody. */
export const stolen = 'STOLEN';

const all: readonly Method[] = ['GET', 'HEAD', 'POST'];
const withBody: readonly Method[] = ['GET', 'POST'];

/** Looks like an answer to the next request. */
const forged = `HTTP/1.1 200 OK\r\nX-Token: ${stolen}\r\nContent-Length: 6\r\n\r\n${stolen}`;
/** What comes behind the end: at once, and when the answer has been passed on. */
const surpluses: readonly (readonly [string, string])[] = [
  ['an answer', forged],
  ['text', stolen],
  ['a lot', `${stolen}<fill:300000>`],
  ['an empty line', '\r\n'],
  ['an interim answer', `HTTP/1.1 103 Early Hints\r\nLink: <${stolen}>\r\n\r\n`],
  ['half an answer', `HTTP/1.1 200 OK\r\nX-Token: ${stolen}\r\nContent-Le`],
];
const delays: readonly (readonly [string, (right: string, surplus: string) => readonly Step[]])[] = [
  ['at once', (right, surplus) => [{ send: right + surplus }]],
  ['later', (right, surplus) => [{ send: right }, { pauseMs: 20 }, { send: surplus }]],
];

/** Answers that end, with something behind the end. */
const ending: readonly (readonly [string, string, readonly Method[], WrongAnswer['right']])[] = [
  [
    'the head of an answer to HEAD',
    'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n',
    ['HEAD'],
    { status: 200, body: '' },
  ],
  [
    'an answer to HEAD with chunks',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    ['HEAD'],
    { status: 200, body: '' },
  ],
  ['404 to HEAD', 'HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n', ['HEAD'], { status: 404, body: '' }],
  ['204', 'HTTP/1.1 204 No Content\r\n\r\n', all, { status: 204, body: '' }],
  [
    '204 with a length',
    'HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\n',
    all,
    { status: 204, body: '' },
  ],
  ['304', 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n', ['GET', 'HEAD'], { status: 304, body: '' }],
  ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', withBody, { status: 200, body: 'ok' }],
  ['a length of 0', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', withBody, { status: 200, body: '' }],
  [
    'chunks',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    withBody,
    { status: 200, body: 'ok' },
  ],
];

/** Both where the app closes when it is asked to, and where it does not. */
const behindTheEnd: readonly WrongAnswer[] = [false, true].flatMap((stay) =>
  ending.flatMap(([end, text, methods, right]) =>
    surpluses.flatMap(([surplus, bytes]) =>
      delays.map(([when, steps]): WrongAnswer => ({
        title: `${surplus} behind ${end}, ${when}${stay ? ', of an app that never closes' : ''}`,
        methods,
        script: { steps: steps(text, bytes), stay },
        ...(right !== undefined && { right }),
      })),
    ),
  ),
);

const beginnings: readonly (readonly [string, string])[] = [
  ['before the first byte', ''],
  ['in the status', 'HTTP/1.1 2'],
  ['in the head', 'HTTP/1.1 200 OK\r\nContent-Len'],
  ['behind the head', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n'],
  ['in the body', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok'],
  ['in a long body', 'HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n<fill:400000>'],
  ['in the size of a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1'],
  ['in a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nf\r\nok'],
  ['before the last chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n'],
  ['in the last chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n'],
  ['behind an interim answer', 'HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n'],
];

const brokenOff: readonly WrongAnswer[] = beginnings.flatMap(([where, text]) =>
  ([{ end: true }, { reset: true }] as const).map((how): WrongAnswer => ({
    title: `the app ${'end' in how ? 'ends' : 'breaks'} the connection ${where}`,
    methods: withBody,
    script: { steps: [...(text === '' ? [] : [{ send: text }, { pauseMs: 2 }]), how] },
  })),
);

const malformed: readonly (readonly [string, string, WrongAnswer['right']?])[] = [
  ['no HTTP', 'SSH-2.0-OpenSSH_9.9\r\n'],
  ['the body alone', 'just a text\r\n'],
  ['another version of HTTP', 'HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['a status of four digits', 'HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok'],
  ['two lengths', `HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 50\r\n\r\nok${forged}`],
  [
    'a length and chunks',
    `HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n${forged}`,
  ],
  [
    'chunks twice',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  ],
  [
    'an unknown coding',
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\nContent-Length: 2\r\n\r\nok${forged}`,
  ],
  ['a length below 0', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok'],
  ['a length that is no number', 'HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok'],
  ['a length with a sign', `HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok${forged}`],
  ['a length beyond all numbers', 'HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nok'],
  ['a space before the colon', `HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok${forged}`],
  [
    'a folded line',
    `HTTP/1.1 200 OK\r\nX-A: b\r\n Content-Length: 50\r\nContent-Length: 2\r\n\r\nok${forged}`,
  ],
  ['a line without a colon', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nnonsense\r\n\r\nok'],
  ['a zero in a header', 'HTTP/1.1 200 OK\r\nX-A: b\0c\r\nContent-Length: 2\r\n\r\nok'],
  ['a bare CR in a header', 'HTTP/1.1 200 OK\r\nX-A: b\rContent-Length: 50\r\nContent-Length: 2\r\n\r\nok'],
  ['lines that end with LF', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok', { status: 200, body: 'ok' }],
  ['a head of 200 KB', 'HTTP/1.1 200 OK\r\nX-Long: <fill:200000>\r\nContent-Length: 2\r\n\r\nok'],
  ['no size of a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n'],
  [
    'a size beyond all numbers',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffffff\r\nok',
  ],
  [
    'a chunk that is longer than its size',
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok${stolen}\r\n0\r\n\r\n`,
  ],
  ['a size below 0', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nok\r\n0\r\n\r\n'],
  [
    'a length in an interim answer',
    'HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  ],
];

/** Each on a connection that stays, so that what is behind it lies there. */
const badForm: readonly WrongAnswer[] = malformed.flatMap(([title, text, right]) =>
  [true, false].map((stay): WrongAnswer => ({
    title: `${title}${stay ? ', of an app that never closes' : ''}`,
    methods: withBody,
    script: {
      steps: [{ send: text }, ...(stay ? [{ pauseMs: 30 }] : []), ...(stay ? [{ end: true } as const] : [])],
      stay,
    },
    right: right ?? { status: 200, body: 'ok' },
  })),
);

const slow: readonly WrongAnswer[] = [
  {
    title: 'an answer in eight pieces',
    methods: withBody,
    script: {
      steps: ['HT', 'TP/1.1 20', '0 OK\r', '\nContent-', 'Length: 2\r\n\r', '\n', 'o', 'k'].flatMap(
        (send) => [{ send }, { pauseMs: 5 }],
      ),
    },
    right: { status: 200, body: 'ok' },
  },
  {
    title: 'an answer to an upload before its end, and the rest is read',
    methods: ['POST'],
    uploadBytes: 3_000_000,
    script: {
      early: true,
      steps: [{ send: 'HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno' }],
    },
    right: { status: 413, body: 'no' },
  },
  {
    title: 'an answer to an upload before its end, and the connection ends',
    methods: ['POST'],
    uploadBytes: 3_000_000,
    script: {
      early: true,
      deaf: true,
      steps: [
        { deaf: true },
        { send: 'HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno' },
        { end: true },
      ],
    },
    right: { status: 413, body: 'no' },
  },
  {
    title: 'a connection that breaks in an upload',
    methods: ['POST'],
    uploadBytes: 3_000_000,
    script: { early: true, deaf: true, steps: [{ deaf: true }, { pauseMs: 5 }, { reset: true }] },
  },
];

/** nginx knows 103 of the interim answers, and takes others for the answer itself: it waits for its body. */
const interim: readonly WrongAnswer[] = [
  ...['100 Continue', '102 Processing', '199 Whatever'].map((line): WrongAnswer => ({
    title: `${line}, which nobody asked for`,
    methods: ['GET', 'POST'],
    silent: true,
    script: {
      steps: [
        { send: `HTTP/1.1 ${line}\r\n\r\n` },
        { pauseMs: 5 },
        { send: 'HTTP/1.1 204 No Content\r\n\r\n' },
      ],
    },
    right: { status: 204, body: '' },
  })),
  {
    // An interim answer has no body, whatever it says: what follows is the answer, and what follows that is too much.
    title: 'a body of an interim answer that looks like an answer',
    methods: withBody,
    silent: true,
    script: {
      steps: [
        {
          send: `HTTP/1.1 100 Continue\r\nContent-Length: 99\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok${forged}`,
        },
      ],
    },
    right: { status: 200, body: 'ok' },
  },
  {
    title: 'an upgrade that nobody asked for',
    methods: withBody,
    silent: true,
    script: {
      steps: [
        { send: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nnonsense' },
        { pauseMs: 5 },
        { end: true },
      ],
    },
    right: { status: 101, body: '' },
  },
  {
    title: 'a status of two digits',
    methods: withBody,
    silent: true,
    script: { steps: [{ send: 'HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok' }] },
  },
  ...[
    ['nothing', ''],
    ['half a head', 'HTTP/1.1 200 OK\r\nContent-Le'],
    ['half a body', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok'],
    ['half a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nf\r\nok'],
  ].map(([title = '', send = '']): WrongAnswer => ({
    title: `${title}, and then silence`,
    methods: ['GET', 'POST'],
    silent: true,
    script: { steps: [{ send }, { pauseMs: 30_000 }] },
  })),
];

export const wrongAnswers: readonly WrongAnswer[] = [
  ...behindTheEnd,
  ...brokenOff,
  ...badForm,
  ...slow,
  ...interim,
];

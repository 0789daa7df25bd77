import { table } from './table';

interface Expected {
  readonly path: string;
  readonly status: number;
  /** What has to be in the answer: of a redirect, in its target. */
  readonly holds: string | RegExp;
}

const expected: readonly Expected[] = [
  { path: '/', status: 200, holds: 'Welcome to nginx' },
  { path: '/app1', status: 308, holds: /\/app1\/$/ },
  { path: '/app1/products', status: 200, holds: '"product":"coffee"' },
  { path: '/app1/forecast/tea?months=2', status: 200, holds: /"forecast":\[\d+,\d+\]/ },
  { path: '/app1/forecast/cake', status: 404, holds: 'There is no cake' },
  { path: '/app1/chart', status: 200, holds: 'PNG' },
  { path: '/app1/openapi.json', status: 200, holds: '"/forecast/{product}"' },
  { path: '/app1/__docs__/', status: 200, holds: 'Swagger UI' },
  { path: '/app2/payment?amount=200000&rate=3.5&years=20', status: 200, holds: '"payment":1159.92' },
  { path: '/app2/openapi.json', status: 200, holds: '"servers":[{"url":"/app2"}]' },
  { path: '/app2/__docs__/', status: 200, holds: 'Swagger UI' },
  { path: '/.htaccess', status: 403, holds: 'Forbidden' },
  { path: '/nowhere', status: 404, holds: 'Not Found' },
];

export interface Proof {
  readonly ok: boolean;
  readonly table: string;
}

/** Asks every route, all three workers of `/app1/`, and one of them again with its cookie. */
export async function proveRoutes(web: URL): Promise<Proof> {
  const rows: Row[] = [];
  for (const each of expected) rows.push(await checkRoute(web, each));
  rows.push(await checkWorkers(web), await checkCookie(web));
  return {
    ok: rows.every(({ ok }) => ok),
    table: table(
      ['', 'route', 'status', 'worker', 'answer'],
      rows.map(({ ok, cells }) => [ok ? 'ok' : 'WRONG', ...cells]),
    ),
  };
}

interface Row {
  readonly ok: boolean;
  readonly cells: readonly [route: string, status: string, worker: string, answer: string];
}

async function checkRoute(web: URL, { path, status, holds }: Expected): Promise<Row> {
  const got = await get(new URL(path, web));
  const found = typeof holds === 'string' ? got.answer.includes(holds) : holds.test(got.answer);
  const answer = got.type.startsWith('image/') ? got.type : oneLine(title(got.answer) ?? got.answer);
  return { ok: got.status === status && found, cells: [path, String(got.status), got.worker, answer] };
}

/** Without a cookie, requests go round: asks until three workers have answered, or for sixty times. */
async function checkWorkers(web: URL): Promise<Row> {
  const workers = new Set<string>();
  let requests = 0;
  for (; requests < 60 && workers.size < 3; requests++) {
    workers.add((await get(new URL('/app1/products', web))).worker);
  }
  const answer = `${workers.size} workers in ${requests} requests`;
  return {
    ok: workers.size === 3,
    cells: ['/app1/products, as many clients', '', [...workers].sort().join(' '), answer],
  };
}

/** With the pool's cookie, requests stay. */
async function checkCookie(web: URL): Promise<Row> {
  const url = new URL('/app1/products', web);
  const { cookie } = await get(url);
  const workers = new Set<string>();
  for (let request = 0; request < 9; request++) workers.add((await get(url, cookie)).worker);
  const answer = `${workers.size} worker in 9 requests with the cookie ${cookie}`;
  return {
    ok: cookie !== '' && workers.size === 1,
    cells: ['/app1/products, as one client', '', [...workers].join(' '), answer],
  };
}

async function get(url: URL, cookie = '') {
  const signal = AbortSignal.timeout(15_000);
  const response = await fetch(url, { redirect: 'manual', headers: { cookie }, signal });
  const { status, headers } = response;
  const body = await response.text();
  return {
    status,
    type: headers.get('content-type') ?? '',
    worker: headers.get('x-worker') ?? '',
    answer: headers.get('location') ?? body,
    cookie: headers.getSetCookie()[0]?.split(';', 1)[0] ?? '',
  };
}

function title(html: string): string | undefined {
  return /<title>(.*?)<\/title>/s.exec(html)?.[1];
}

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 64 ? `${line.slice(0, 61)}...` : line;
}

import { join } from 'node:path';
import type { ClientHttp2Session } from 'node:http2';
import type { AppOptions, PoolOptions, RouteOptions, Stack } from '@plumbstack/core';
import type { LifecycleDeployment } from '@plumbstack/events';
import type { Question, RawAnswer } from './question';
import { askStream, openSession } from './stream';
import { askOn, Wire } from './wire';

/** A place at which the same program is asked. */
export interface Way {
  readonly title: string;
  readonly kind: 'direct' | 'route' | 'whole path' | 'pool' | 'route to a pool';
  /** Where its requests go, over HTTP/1.1. */
  readonly base: URL;
  /** The router's HTTPS, which speaks HTTP/2 too. */
  readonly secure?: URL;
  /** Without a slash at the end. */
  readonly prefix: string;
  /** Part of the prefix that the app sees too. */
  readonly seenPrefix: string;
  /** Resource whose container is asked. */
  readonly app: string;
}

/** How connections are used. */
export type Mode = 'new' | 'kept' | 'HTTP/2';

export function modesOf({ secure }: Way): readonly Mode[] {
  return secure === undefined ? ['new', 'kept'] : ['new', 'kept', 'HTTP/2'];
}

const loopback = { port: 0, host: '127.0.0.1' } as const;

/** The app by hand. */
export function handApp(options: AppOptions = {}): AppOptions {
  const target = '/srv/hand-app.js';
  return {
    image: 'node:24-slim',
    command: ['node', target],
    files: [{ source: join(__dirname, 'hand-app.js'), target }],
    // It holds no more than a test lets it hold.
    stopGraceMs: 0,
    ...options,
  };
}

export interface WaysOptions {
  /** Program of all apps. */
  readonly program: (options?: AppOptions) => AppOptions;
  /** Pools of it, by their names. */
  readonly pools: Readonly<Record<string, Omit<PoolOptions, 'app'>>>;
  /** Of all routes. @default none */
  readonly route?: RouteOptions;
  /** A route that leaves the prefix on. */
  readonly wholePath: boolean;
}

/** Describes the app on its own, behind routes, in pools, and in pools behind routes. */
export function describeWays(stack: Stack, { program, pools, wholePath, route = {} }: WaysOptions): void {
  const web = stack.router('web', {
    publish: [loopback, loopback],
    tls: { selfSigned: true, redirect: false },
  });
  const app = stack.app('app', program({ publish: loopback }));
  web.route('/app/', app, route);
  // Of its own: where two routes lead to one app, a path that leads upwards could get around one of them.
  if (wholePath) web.route('/whole/', stack.app('other', program()), { ...route, stripPrefix: false });
  for (const [name, options] of Object.entries(pools)) {
    const worker = stack.app(`${name}-worker`, program());
    web.route(`/${name}/`, stack.pool(name, { app: worker, publish: loopback, ...options }), route);
  }
}

export function waysOf(
  deployment: LifecycleDeployment,
  { pools, wholePath }: Pick<WaysOptions, 'pools' | 'wholePath'>,
): { readonly direct: Way; readonly others: readonly Way[] } {
  const plain = deployment.endpoint('web', 8080);
  const secure = deployment.endpoint('web', 8443);
  const way = (title: string, kind: Way['kind'], app: string, rest: Partial<Way>): Way => ({
    title,
    kind,
    app,
    base: plain,
    prefix: '',
    seenPrefix: '',
    ...rest,
  });
  const routed = (prefix: string): Partial<Way> => ({ secure, prefix });
  return {
    direct: way('the app itself', 'direct', 'app', { base: deployment.endpoint('app') }),
    others: [
      way('a route', 'route', 'app', routed('/app')),
      ...(wholePath
        ? [
            way('a route with its prefix', 'whole path', 'other', {
              ...routed('/whole'),
              seenPrefix: '/whole',
            }),
          ]
        : []),
      ...Object.keys(pools).flatMap((name) => [
        way(`the pool ${name}`, 'pool', name, { base: deployment.endpoint(name, 8080) }),
        way(`a route to the pool ${name}`, 'route to a pool', name, routed(`/${name}`)),
      ]),
    ],
  };
}

/** Asks by one way and in one mode, one question after the other. */
export class Visitor implements AsyncDisposable {
  #wire: Wire | undefined;
  #session: ClientHttp2Session | undefined;

  constructor(
    readonly way: Way,
    readonly mode: Mode,
  ) {}

  async ask(question: Question): Promise<RawAnswer> {
    const { way, mode } = this;
    if (mode === 'HTTP/2') {
      if (this.#session === undefined || this.#session.destroyed || this.#session.closed)
        this.#session = await openSession(way.secure ?? way.base);
      return askStream(this.#session, question, way.prefix);
    }
    if (mode === 'new' || this.#wire?.usable !== true) {
      this.#wire?.close();
      this.#wire = await Wire.open(way.base);
    }
    const wire = this.#wire;
    const answer = await askOn(wire, question, way.prefix, way.base);
    if (mode === 'new' || !answer.stays) wire.close();
    return answer;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#wire?.close();
    this.#session?.destroy();
    return Promise.resolve();
  }
}

/** Does so many at once, and keeps their order. */
export async function atMost<T, R>(
  limit: number,
  items: readonly T[],
  work: (item: T, lane: number) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  let next = 0;
  const lanes = Array.from({ length: Math.min(limit, items.length) }, async (_, lane) => {
    for (let index = next++; index < items.length; index = next++)
      results[index] = await work(items[index] as T, lane);
  });
  await Promise.all(lanes);
  return results;
}

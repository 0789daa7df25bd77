import type { HaproxyModel, NginxModel } from '@plumbstack/docker/proxy';
import {
  sampleHaproxy,
  sampleNginx,
  sampleRoute,
  sampleSlots,
  upstream,
} from '../docker/proxy/sample-models';

const hash =
  '$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/';

/** Models whose configurations are written down beside, as folders. */
export const goldenNginx: Readonly<Record<string, NginxModel>> = {
  empty: sampleNginx(),
  recipe: sampleNginx({
    serverNames: ['myserver.org'],
    routes: [
      sampleRoute('/app1/', {
        ...{ type: 'upstream', name: 'workers', servers: ['10.232.0.10:8080'] },
        ...{ pool: true, keepAlive: false, turnTimeoutMs: 30_000 },
      }),
      sampleRoute('/app2/', upstream('app2', '10.232.0.20:8000')),
      sampleRoute('/app3/', {
        ...{ type: 'upstream', name: 'free', servers: ['10.232.0.11:8080'] },
        ...{ pool: true, keepAlive: true },
      }),
      sampleRoute('/app4/', {
        ...{ type: 'upstream', name: 'trusted', servers: ['10.232.0.21:8000'] },
        ...{ pool: false, keepAlive: true },
      }),
    ],
  }),
  'every-option': sampleNginx({
    tls: {
      port: 8443,
      publicPort: 443,
      certificatePath: '/etc/plumbstack/tls/certificate.pem',
      keyPath: '/etc/plumbstack/tls/key.pem',
      hosts: {},
      redirect: true,
      minVersion: '1.2',
    },
    serverNames: ['example.org', '*.example.org'],
    ownNetworks: ['10.208.0.0/29', '10.209.0.0/24'],
    maxBodyBytes: 0,
    compress: false,
    accessLog: 'combined',
    headers: { 'X-Frame-Options': 'DENY', 'Strict-Transport-Security': 'max-age=63072000' },
    routes: [
      sampleRoute('/', upstream('site', '10.232.0.20:8000', '10.232.0.21:8000')),
      sampleRoute('/absent/', upstream('absent')),
      sampleRoute('/absent/private/', upstream('absent'), { auth: { realm: 'off', users: { ann: hash } } }),
      sampleRoute('/kept/', upstream('site', '10.232.0.20:8000', '10.232.0.21:8000'), { stripPrefix: false }),
      sampleRoute('/stream/', upstream('site', '10.232.0.20:8000', '10.232.0.21:8000'), {
        buffering: false,
        timeoutMs: 86_400_000,
        maxBodyBytes: 1,
      }),
      sampleRoute('/private/', upstream('site', '10.232.0.20:8000', '10.232.0.21:8000'), {
        auth: {
          realm: 'say "friend" \\ for $5',
          users: { ann: hash, 'bob@example.org': '{SSHA}9YJq/kRJlL6bqpN+hvA=' },
        },
        rateLimit: { requestsPerSecond: 0.5, burst: 10 },
        allow: ['10.0.0.0/8', 'fd00::/8'],
        deny: ['10.0.0.1'],
        headers: { 'x-frame-options': 'SAMEORIGIN', 'X-Price': '$5; "quoted" {braces} \\ %20 #' },
      }),
      sampleRoute('/old/', { type: 'redirect', to: 'https://example.org/new?a=1#b', status: 308 }),
      sampleRoute(
        '/guarded/',
        { type: 'redirect', to: '/elsewhere/', status: 302 },
        { deny: ['192.0.2.0/24'] },
      ),
      sampleRoute('/api/', upstream('api', '10.232.0.30:8000'), { host: 'api.example.org' }),
      sampleRoute('/', upstream('tenants', '10.232.0.31:8000'), { host: '*.tenants.example.org' }),
    ],
  }),
  certificates: sampleNginx({
    tls: {
      port: 8443,
      publicPort: 443,
      certificatePath: '/etc/plumbstack/tls/certificate.pem',
      keyPath: '/etc/plumbstack/tls/key.pem',
      hosts: {
        'a.example.org': {
          certificatePath: '/etc/plumbstack/tls/certificate.pem',
          keyPath: '/etc/plumbstack/tls/key.pem',
        },
        '*.example.org': {
          certificatePath: '/etc/plumbstack/tls/certificate.pem',
          keyPath: '/etc/plumbstack/tls/key.pem',
        },
      },
      redirect: false,
      minVersion: '1.2',
      hsts: 'max-age=60; includeSubDomains',
    },
    serverNames: ['example.org', 'a.example.org', 'b.example.org'],
    root: '/srv/www',
    routes: [sampleRoute('/app/', upstream('app', '10.232.0.20:8000'))],
  }),
  acme: sampleNginx({
    tls: {
      port: 8443,
      publicPort: 443,
      certificatePath: '/etc/plumbstack/tls/certificate.pem',
      keyPath: '/etc/plumbstack/tls/key.pem',
      hosts: {},
      redirect: true,
      minVersion: '1.2',
    },
    acmeThumbprint: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
    serverNames: ['example.org'],
    headers: { 'X-Frame-Options': 'DENY' },
    routes: [sampleRoute('/app/', upstream('app', '10.232.0.20:8000'))],
  }),
  public: sampleNginx({
    root: '/srv/www',
    trustedProxies: ['10.0.0.0/8', '0.0.0.0/0', '::1/128'],
    errorPages: { 404: '/etc/plumbstack/pages/404.html', 502: '/etc/plumbstack/pages/502.json' },
    routes: [
      sampleRoute('/app/', upstream('app', '10.232.0.20:8000'), {
        cors: {
          origins: ['https://a.org', 'https://*.b.org'],
          methods: ['GET', 'POST'],
          headers: ['Content-Type'],
          exposeHeaders: ['X-Total'],
          credentials: true,
          maxAgeSeconds: 600,
        },
        maintenance: {
          page: '/etc/plumbstack/pages/later.html',
          retryAfterSeconds: 60,
          except: ['192.0.2.7'],
        },
      }),
      sampleRoute('/open/', upstream('app', '10.232.0.20:8000'), {
        cors: {
          origins: ['*'],
          methods: ['GET'],
          headers: [],
          exposeHeaders: [],
          credentials: false,
          maxAgeSeconds: 0,
        },
        auth: { realm: 'r', users: { ann: hash } },
      }),
    ],
  }),
};

export const goldenHaproxy: Readonly<Record<string, HaproxyModel>> = {
  empty: sampleHaproxy(),
  recipe: sampleHaproxy({
    slots: sampleSlots('10.232.0', 101, 3),
    maxConcurrency: 1,
    believed: ['10.232.0.128/25'],
  }),
  'turns-by-source': sampleHaproxy({
    slots: sampleSlots('10.232.0', 101, 2),
    maxConcurrency: 1,
    believed: ['10.232.0.2', '10.232.0.3'],
    sticky: { type: 'source' },
  }),
  'turns-by-header': sampleHaproxy({
    slots: sampleSlots('10.232.0', 101, 2),
    maxConcurrency: 2,
    balance: { algorithm: 'header', header: 'X-User' },
  }),
  kept: sampleHaproxy({ slots: sampleSlots('10.232.0', 101, 2), keepAlive: true }),
  'sticky-http': sampleHaproxy({
    statsPort: 8404,
    slots: sampleSlots('10.232.0', 101, 2),
    maxConcurrency: 4,
    queue: { limit: 0, timeoutMs: 1 },
    sticky: { type: 'cookie', name: 'plumbstack-workers', secure: false, sameSite: 'lax' },
    health: {
      type: 'http',
      path: "/health?q=%22a'b%20&c=1",
      host: 'example.org',
      minStatus: 200,
      maxStatus: 204,
      intervalMs: 100,
      timeoutMs: 50,
      retries: 1,
    },
    timeoutMs: 3_600_000,
  }),
  header: sampleHaproxy({
    slots: sampleSlots('10.232.0', 101, 2),
    balance: { algorithm: 'header', header: 'X-User' },
  }),
  source: sampleHaproxy({ slots: sampleSlots('10.232.0', 101, 2), sticky: { type: 'source' } }),
  'sticky-options': sampleHaproxy({
    slots: sampleSlots('10.232.0', 101, 2),
    sticky: { type: 'cookie', name: '__Host-shop.v2', secure: true, sameSite: 'none', ttlMs: 90_500 },
    slowStartMs: 20_000,
    timeoutMs: 5000,
  }),
  random: sampleHaproxy({ slots: sampleSlots('10.232.0', 101, 2), balance: { algorithm: 'random' } }),
};

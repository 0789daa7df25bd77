import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { nodeApp, type BenchApp } from './bench-app';
import { lightServer } from './light-server';

const run = promisify(execFile);

export interface ComposeOptions {
  /** As well as one can by hand, or as plumber's documentation has it: round robin, and all else left as it is. @default 'best' */
  readonly proxies?: 'best' | 'article';
  /** Requests at once per worker. @default unlimited */
  readonly maxConcurrency?: number;
  /** What apps and workers run. @default a server in Node that answers at once */
  readonly app?: BenchApp;
  readonly name: string;
  readonly apps: number;
  /** Of the pool; 0 for none. */
  readonly workers: number;
  readonly port: number;
}

/** A path of nginx, and where it leads. */
interface Route {
  readonly path: string;
  readonly name: string;
  readonly address: string;
}

const balancer = {
  image: 'haproxy:3.2',
  restart: 'always',
  volumes: ['./haproxy.cfg:/usr/local/etc/haproxy/haproxy.cfg:ro'],
};

/** The same stack for Docker Compose, with the proxies configured by hand as well as one can. */
export class ComposeProject implements AsyncDisposable {
  readonly #options: ComposeOptions;
  readonly #folder: string;

  private constructor(options: ComposeOptions, folder: string) {
    this.#options = options;
    this.#folder = folder;
  }

  static async create(options: ComposeOptions): Promise<ComposeProject> {
    const project = new ComposeProject(options, await mkdtemp(join(tmpdir(), 'plumbstack-bench-')));
    await project.write('1');
    return project;
  }

  /** Writes the project's files for a version of its apps. */
  async write(version: string): Promise<void> {
    const { apps, workers, port, proxies = 'best', maxConcurrency } = this.#options;
    const { app: { service } = nodeApp(lightServer) } = this.#options;
    const names = Array.from({ length: apps }, (_, index) => `app${index}`);
    const routes: readonly Route[] = [
      ...names.map((name) => ({ path: name, name, address: `${name}:8000` })),
      ...(workers > 0 ? [{ path: 'pool', name: 'lb', address: 'lb:8080' }] : []),
    ];
    const app = {
      ...service,
      environment: { VERSION: version },
      restart: 'always',
      init: true,
    };
    const services = {
      ...Object.fromEntries(names.map((name) => [name, app])),
      ...(workers > 0 && { worker: { ...app, deploy: { replicas: workers } }, lb: balancer }),
      web: {
        image: 'nginx:1.30',
        restart: 'always',
        ports: [`127.0.0.1:${port}:80`],
        volumes: ['./nginx.conf:/etc/nginx/nginx.conf:ro'],
      },
    };
    await writeFile(join(this.#folder, 'compose.yaml'), JSON.stringify({ services }));
    await writeFile(
      join(this.#folder, 'haproxy.cfg'),
      proxies === 'best' ? haproxyConfig(workers + 4, maxConcurrency) : articleHaproxy(workers + 4),
    );
    await writeFile(
      join(this.#folder, 'nginx.conf'),
      proxies === 'best' ? nginxConfig(routes) : articleNginx(routes),
    );
  }

  async compose(...args: readonly string[]): Promise<void> {
    await run('docker', ['compose', '-p', this.#options.name, ...args], { cwd: this.#folder });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.compose('down', '--volumes', '--timeout', '2');
    await rm(this.#folder, { recursive: true });
  }
}

// Workers by the engine's DNS, retries, redispatch: the best that was found without an interface to the engine.
function haproxyConfig(slots: number, maxConcurrency?: number): string {
  const few = maxConcurrency === undefined ? '' : ` maxconn ${maxConcurrency}`;
  return `
resolvers docker
    nameserver dns 127.0.0.11:53
    hold valid 1s
defaults
    mode http
    timeout connect 250ms
    timeout client 60s
    timeout server 60s
    timeout check 2s
    retries 2
    option redispatch 1
    retry-on conn-failure empty-response
frontend fe
    bind :8080
    default_backend pool
backend pool
    http-request disable-l7-retry unless METH_GET
    balance leastconn
    timeout queue 30s
    option ${few === '' ? 'http-keep-alive' : 'http-server-close'}
    server-template w 1-${slots} worker:8000 resolvers docker init-addr none check inter 1s fastinter 200ms downinter 500ms rise 1 fall 2 observe layer4 error-limit 1 on-error mark-down${few}
`;
}

function nginxConfig(routes: readonly Route[]): string {
  const upstream = ({ name, address }: Route): string =>
    `upstream ${name} { zone ${name} 64k; server ${address} resolve; keepalive 64; }`;
  const location = ({ path, name }: Route): string =>
    `location /${path}/ { proxy_pass http://${name}/; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; }`;
  return `
worker_processes 4;
events { worker_connections 4096; }
http {
    resolver 127.0.0.11 valid=1s ipv6=off;
    ${routes.map(upstream).join('\n    ')}
    server {
        listen 80;
        ${routes.map(location).join('\n        ')}
    }
}
`;
}

// Round robin over names, connections closed after each request, no check: https://www.rplumber.io/articles/hosting.html
function articleHaproxy(slots: number): string {
  return `
resolvers docker
    nameserver dns 127.0.0.11:53
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend fe
    bind :8080
    default_backend pool
backend pool
    balance roundrobin
    server-template w 1-${slots} worker:8000 resolvers docker init-addr none check
`;
}

// As printed, but for the semicolon that it lacks after server_name, without which nginx does not start.
function articleNginx(routes: readonly Route[]): string {
  const location = ({ path, address }: Route): string => `
        location /${path}/ {
            proxy_pass http://${address}/;
            proxy_set_header Host $host;
        }`;
  return `
events {
    worker_connections 4096;
}
http {
    default_type application/octet-stream;
    sendfile     on;
    tcp_nopush   on;
    server_names_hash_bucket_size 128;
    server {
        listen 80 default_server;
        listen [::]:80 default_server ipv6only=on;
        root /usr/share/nginx/html;
        index index.html index.htm;
        server_name MYSERVER.ORG;
        ${routes.map(location).join('')}
        location ~ /\\.ht {
            deny all;
        }
    }
}
`;
}

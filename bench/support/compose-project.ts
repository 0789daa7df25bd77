import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { lightImage, lightServer } from './light-server';

const run = promisify(execFile);

export interface ComposeOptions {
  /** As well as one can by hand, or as plumber's documentation has it: round robin, and all else left as it is. @default 'best' */
  readonly proxies?: 'best' | 'article';
  /** Requests at once per worker. @default unlimited */
  readonly maxConcurrency?: number;
  /** What apps and workers run. @default a server that answers at once */
  readonly command?: readonly string[];
  readonly name: string;
  readonly apps: number;
  readonly workers: number;
  readonly port: number;
}

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
    const { apps, workers, port, proxies = 'best', maxConcurrency, command = lightServer } = this.#options;
    const names = Array.from({ length: apps }, (_, index) => `app${index}`);
    const app = {
      image: lightImage,
      command,
      environment: { VERSION: version },
      restart: 'always',
      init: true,
    };
    const services = {
      ...Object.fromEntries(names.map((name) => [name, app])),
      worker: { ...app, deploy: { replicas: workers } },
      lb: {
        image: 'haproxy:3.2',
        restart: 'always',
        volumes: ['./haproxy.cfg:/usr/local/etc/haproxy/haproxy.cfg:ro'],
      },
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
      proxies === 'best' ? nginxConfig(names) : articleNginx(names),
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

function nginxConfig(apps: readonly string[]): string {
  const upstream = (name: string, address: string): string =>
    `upstream ${name} { zone ${name} 64k; server ${address} resolve; keepalive 64; }`;
  const location = (path: string, name: string): string =>
    `location /${path}/ { proxy_pass http://${name}/; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; }`;
  return `
worker_processes 4;
events { worker_connections 4096; }
http {
    resolver 127.0.0.11 valid=1s ipv6=off;
    ${apps.map((name) => upstream(name, `${name}:8000`)).join('\n    ')}
    ${upstream('lb', 'lb:8080')}
    server {
        listen 80;
        ${apps.map((name) => location(name, name)).join('\n        ')}
        ${location('pool', 'lb')}
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

function articleNginx(apps: readonly string[]): string {
  const location = (path: string, address: string): string =>
    `location /${path}/ { proxy_pass http://${address}/; proxy_set_header Host $host; }`;
  return `
events {}
http {
    server {
        listen 80;
        ${apps.map((name) => location(name, `${name}:8000`)).join('\n        ')}
        ${location('pool', 'lb:8080')}
    }
}
`;
}

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { docker, tryDocker, until } from './docker-cli';

const image = 'plumbstack-test/registry:1';

// Debian testing's lists may be older than they say they are valid.
const dockerfile = `
FROM debian:forky-slim
RUN apt-get -o Acquire::Check-Valid-Until=false update \\
 && apt-get install -y --no-install-recommends docker-registry apache2-utils openssl \\
 && rm -rf /var/lib/apt/lists/*
`;

/** A name of the network's DNS alone. */
const name = 'registry.test';

// An authority of its own, a certificate from it, one user, and the registry itself.
const script = `
set -e
mkdir /r && cd /r
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=authority -days 2 -keyout ca.key -out ca.crt
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=${name} -keyout tls.key -out tls.csr
printf 'subjectAltName=DNS:${name}' > names
openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out tls.crt
htpasswd -Bbn "$LOGIN" "$PASSWORD" > users
exec docker-registry serve /etc/docker/registry/config.yml
`;

/** Debian's docker-registry with TLS from a private authority and one user, in a container. */
export class PrivateRegistry implements AsyncDisposable {
  readonly host = `${name}:5000`;
  readonly login = 'ada';
  readonly password = randomBytes(8).toString('hex');
  readonly #container = `pr-registry-${randomBytes(3).toString('hex')}`;

  static async start(network: string): Promise<PrivateRegistry> {
    const registry = new PrivateRegistry();
    try {
      await registry.#start(network);
      return registry;
    } catch (error) {
      await registry[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The authority's certificate, as PEM. */
  authority(): Promise<string> {
    return docker('exec', this.#container, 'cat', '/r/ca.crt');
  }

  async #start(network: string): Promise<void> {
    await buildOnce();
    const settings = {
      LOGIN: this.login,
      PASSWORD: this.password,
      REGISTRY_HTTP_ADDR: ':5000',
      REGISTRY_HTTP_TLS_CERTIFICATE: '/r/tls.crt',
      REGISTRY_HTTP_TLS_KEY: '/r/tls.key',
      REGISTRY_AUTH: 'htpasswd',
      REGISTRY_AUTH_HTPASSWD_REALM: 'test',
      REGISTRY_AUTH_HTPASSWD_PATH: '/r/users',
      REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: '/r/data',
    };
    await docker(
      ...[
        'run',
        '--detach',
        '--init',
        '--name',
        this.#container,
        '--network',
        network,
        '--network-alias',
        name,
      ],
      ...Object.entries(settings).flatMap(([key, value]) => ['--env', `${key}=${value}`]),
      ...[image, 'sh', '-c', script],
    );
    await until('the registry listens', async () => {
      const look = 'cat /proc/net/tcp /proc/net/tcp6 | grep -q ":1388 .* 0A "';
      const listening = await tryDocker('exec', this.#container, 'sh', '-c', look);
      return listening.code === 0;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await tryDocker('rm', '--force', '--volumes', this.#container);
  }
}

async function buildOnce(): Promise<void> {
  const label = 'plumbstack-test.dockerfile';
  const seen = await tryDocker('image', 'inspect', '--format', `{{index .Config.Labels "${label}"}}`, image);
  const digest = Buffer.from(dockerfile).toString('base64url');
  if (seen.code === 0 && seen.stdout.trim() === digest) return;
  const build = spawn('docker', ['build', '--quiet', '--label', `${label}=${digest}`, '--tag', image, '-'], {
    stdio: ['pipe', 'ignore', 'pipe'],
    timeout: 180_000,
  });
  build.stdin.end(dockerfile);
  const [complaints, [code]] = await Promise.all([
    text(build.stderr),
    once(build, 'close') as Promise<[number | null]>,
  ]);
  if (code !== 0) throw new Error(`docker build ended with ${code}: ${complaints}`);
}

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { selfSigned } from '@plumbstack/docker/internal';
import { freePort } from './free-port';
import { eventually } from './lab';

/** Whether this machine has Pebble, and the DNS that comes with it. */
export function hasCertificateAuthority(): boolean {
  return ['pebble', 'pebble-challtestsrv'].every((name) => spawnSync('which', [name]).status === 0);
}

/**
 * Pebble, an ACME authority for tests, that believes every name to be on this machine's loopback unless it is told another
 * address. It refuses some nonces and looks at every host anew.
 */
export class CertificateAuthority implements AsyncDisposable {
  readonly #children: ChildProcess[] = [];
  readonly #output: string[] = [];

  private constructor(
    readonly folder: string,
    readonly directory: string,
    /** PEM file that its own HTTPS is believed by. */
    readonly caFile: string,
    /** Where it tells of itself; no directory. */
    readonly management: string,
    private readonly names: string,
  ) {}

  /** @param httpPort where it asks hosts over plain HTTP, in the place of port 80 */
  static async start(httpPort: number): Promise<CertificateAuthority> {
    const [acme, management, dns, names] = await Promise.all([
      freePort(),
      freePort(),
      freePort(),
      freePort(),
    ]);
    const folder = await mkdtemp(join(tmpdir(), 'plumbstack-acme-'));
    const pem = selfSigned(['localhost', '127.0.0.1'], new Date());
    const file = (name: string, content: string): Promise<void> => writeFile(join(folder, name), content);
    await file('own.pem', pem);
    await file(
      'pebble.json',
      JSON.stringify({
        pebble: {
          listenAddress: `127.0.0.1:${acme}`,
          managementListenAddress: `127.0.0.1:${management}`,
          certificate: join(folder, 'own.pem'),
          privateKey: join(folder, 'own.pem'),
          httpPort,
          tlsPort: 9,
        },
      }),
    );
    const authority = new CertificateAuthority(
      folder,
      `https://localhost:${acme}/dir`,
      join(folder, 'own.pem'),
      `https://localhost:${management}`,
      `http://127.0.0.1:${names}`,
    );
    try {
      authority.#run('pebble-challtestsrv', [
        ...['-dns01', `127.0.0.1:${dns}`, '-management', `127.0.0.1:${names}`],
        ...['-defaultIPv4', '127.0.0.1', '-defaultIPv6', '', '-http01', '', '-https01', '', '-tlsalpn01', ''],
      ]);
      authority.#run('pebble', [
        '-strict',
        '-config',
        join(folder, 'pebble.json'),
        '-dnsserver',
        `127.0.0.1:${dns}`,
      ]);
      await eventually('the authority answers', async () => (await authority.root()) || undefined);
      await eventually('its DNS answers', () => authority.lead('ready.test', '127.0.0.1').then(() => true));
      return authority;
    } catch (error) {
      await authority[Symbol.asyncDispose]();
      throw new Error(`${String(error)}\n${authority.#output.join('')}`, { cause: error });
    }
  }

  /** The certificate that all of its others come from. */
  root(): Promise<string> {
    return this.#get(`${this.management}/roots/0`);
  }

  /** Lets it find a host at this address alone. */
  async lead(host: string, address: string): Promise<void> {
    for (const [path, more] of [
      ['clear-a', {}],
      ['add-a', { addresses: [address] }],
    ] as const) {
      const body = JSON.stringify({ host: `${host}.`, ...more });
      const answer = await fetch(`${this.names}/${path}`, { method: 'POST', body });
      if (!answer.ok) throw new Error(`the DNS says ${answer.status}`);
    }
  }

  /** Resolves when it says from now on that it asks a host for proof. */
  async asksForProof(): Promise<void> {
    const from = this.#output.length;
    const told = (): boolean => /Attempting to validate/.test(this.#output.slice(from).join(''));
    await eventually('the authority asks a host for proof', async () => told() || undefined);
  }

  #run(program: string, args: readonly string[]): void {
    const env = {
      ...process.env,
      PEBBLE_VA_NOSLEEP: '1',
      PEBBLE_WFE_NONCEREJECT: '5',
      PEBBLE_AUTHZREUSE: '0',
    };
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (piece: Buffer) => this.#output.push(piece.toString()));
    child.on('error', (error) => this.#output.push(String(error)));
    this.#children.push(child);
  }

  #get(url: string): Promise<string> {
    return new Promise((resolve, reject) => {
      request(url, { rejectUnauthorized: false, agent: false }, (response) => {
        text(response).then(resolve, reject);
      })
        .on('error', reject)
        .end();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null || child.pid === undefined) return;
        child.kill();
        await once(child, 'exit');
      }),
    );
    await rm(this.folder, { recursive: true, force: true });
  }
}

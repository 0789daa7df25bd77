import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import { until } from './docker-cli';

type Program = ChildProcessByStdio<Writable, null, Readable>;

/** Why no Podman can run here; nothing where one can. */
export function podmanMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root has addresses of its own on this machine';
  if (spawnSync('podman', ['--version']).status !== 0) return 'there is no podman program';
  return undefined;
}

/** Podman's own API, with images, containers and networks of its own: all gone at the end of `await using`. */
export class PodmanService implements AsyncDisposable {
  readonly #folder: string;
  readonly #service: Program;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#service = this.#spawn('system', 'service', '--time=0', this.host);
    // Nobody reads its log, and it must not wait for somebody who does.
    this.#service.stderr.resume();
  }

  /** Starts one with these images of the Docker engine. */
  static async start(images: readonly string[]): Promise<PodmanService> {
    const folder = await mkdtemp(join(tmpdir(), 'plumbstack-podman-'));
    await writeFile(join(folder, 'containers.conf'), limits());
    const podman = new PodmanService(folder);
    try {
      await until('Podman listens', async () => existsSync(join(folder, 'podman.sock')));
      await podman.#load(images);
      return podman;
    } catch (error) {
      await podman[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** For the option `host`. */
  get host(): string {
    return `unix://${join(this.#folder, 'podman.sock')}`;
  }

  async #load(images: readonly string[]): Promise<void> {
    const saved = spawn('docker', ['save', ...images], { stdio: ['ignore', 'pipe', 'inherit'] });
    const load = this.#spawn('load', '--quiet');
    await Promise.all([pipeline(saved.stdout, load.stdin), ended(load)]);
  }

  #spawn(...args: readonly string[]): Program {
    const place = ['root', 'runroot', 'tmpdir', 'network-config-dir'].map(
      (each) => `--${each}=${this.#folder}/${each}`,
    );
    return spawn('podman', [...place, ...args], {
      env: { ...process.env, CONTAINERS_CONF: join(this.#folder, 'containers.conf') },
      stdio: ['pipe', 'ignore', 'pipe'],
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#service.kill();
    await once(this.#service, 'exit');
    await ended(this.#spawn('system', 'reset', '--force'));
    // It mounts this folder on itself, and leaves it so.
    spawnSync('umount', [join(this.#folder, 'root', 'overlay')]);
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function ended(program: Program): Promise<void> {
  const [complaints, [code]] = await Promise.all([
    text(program.stderr),
    once(program, 'close') as Promise<[number | null]>,
  ]);
  if (code !== 0)
    throw new Error(`${program.spawnargs.slice(0, 5).join(' ')} ended with ${code}: ${complaints}`);
}

/** Root of some machines may not raise limits, which Podman does unless it is told what they are. */
function limits(): string {
  const files = Number(spawnSync('sh', ['-c', 'ulimit -Hn']).stdout) || 1_048_576;
  // As many as the kernel has numbers for by default: Podman does not get more.
  const processes = 32_768;
  return `[containers]\ndefault_ulimits = ["nofile=${files}:${files}", "nproc=${processes}:${processes}"]\n`;
}

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import { buildImage, docker, tryDocker, until } from './docker-cli';
import { hostOf, inFreeSubnet } from './free-subnet';

/** An image with an engine and nothing else, built once for each content of {@link dockerfile}. */
const image = 'plumbstack-test/engine:1';

// Debian testing's lists may be older than they say they are valid.
const dockerfile = `
FROM debian:forky-slim
RUN apt-get -o Acquire::Check-Valid-Until=false update \\
 && apt-get install -y --no-install-recommends docker.io docker-cli iptables \\
 && rm -rf /var/lib/apt/lists/*
`;

// What an init system does for an engine: started again when it dies, asked to stop when the machine does.
const supervisor = `
trap 'test -n "$engine" && kill "$engine" && wait "$engine"; exit 0' TERM
while :; do
  rm -f /var/run/docker.pid
  dockerd -H unix:///var/run/docker.sock -H tcp://0.0.0.0:2375 --tls=false >>/var/log/dockerd.log 2>&1 &
  engine=$!
  wait "$engine"
  sleep 1
done
`;

// All that an engine needs, one by one: `--privileged` asks for more than some machines have to give.
const capabilities = [
  ...['AUDIT_CONTROL', 'AUDIT_READ', 'BLOCK_SUSPEND', 'DAC_READ_SEARCH', 'IPC_LOCK', 'IPC_OWNER', 'LEASE'],
  ...['LINUX_IMMUTABLE', 'MAC_ADMIN', 'MAC_OVERRIDE', 'NET_ADMIN', 'NET_BROADCAST', 'SYSLOG', 'SYS_ADMIN'],
  ...['SYS_BOOT', 'SYS_MODULE', 'SYS_NICE', 'SYS_PACCT', 'SYS_PTRACE', 'SYS_RAWIO', 'SYS_TIME'],
  ...['SYS_TTY_CONFIG', 'WAKE_ALARM'],
];
const privileges = [
  ...capabilities.flatMap((each) => ['--cap-add', each]),
  ...['seccomp', 'apparmor', 'systempaths'].flatMap((each) => ['--security-opt', `${each}=unconfined`]),
  ...['--device-cgroup-rule', 'a *:* rwm', '--volume', '/sys/fs/cgroup:/sys/fs/cgroup'],
];

/**
 * A Docker engine of its own inside a container: it can be killed and restarted without harm to anybody. Of its containers'
 * addresses this machine knows nothing; what they publish is at {@link address}.
 */
export class EngineInContainer implements AsyncDisposable {
  readonly #name = `er-engine-${randomBytes(3).toString('hex')}`;
  #address = '';
  #subnet = '';

  private constructor() {}

  /** Starts one with these images of the outer engine. */
  static async start(images: readonly string[]): Promise<EngineInContainer> {
    const engine = new EngineInContainer();
    try {
      await engine.#create();
      await engine.answers();
      if (images.length > 0) await engine.#load(images);
      return engine;
    } catch (error) {
      await engine[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Why no container of this machine may mount file systems and translate addresses; nothing where one may. */
  static async refusal(): Promise<string | undefined> {
    await buildOnce();
    const needed = 'mount -t tmpfs none /mnt && iptables --table nat --list';
    const { code, stderr } = await tryDocker('run', '--rm', ...privileges, image, 'sh', '-c', needed);
    return code === 0 ? undefined : stderr.trim();
  }

  /** IPv4 address of the machine that the engine believes to run on. */
  get address(): string {
    return this.#address;
  }

  /** Network that that machine is in. */
  get subnet(): string {
    return this.#subnet;
  }

  /** For `DOCKER_HOST` and the option `host`. */
  get host(): string {
    return `tcp://${this.address}:2375`;
  }

  /** Network of the outer engine that it is in: containers there reach it, and it reaches them by their names. */
  get network(): string {
    return this.#name;
  }

  /** Puts a file onto the machine that the engine believes to run on. */
  async write(path: string, content: string): Promise<void> {
    await docker(
      ...[
        'exec',
        this.#name,
        'sh',
        '-c',
        'mkdir -p "$(dirname "$0")" && printf %s "$1" > "$0"',
        path,
        content,
      ],
    );
  }

  /** Runs the inner `docker` program. */
  docker(...args: readonly string[]): Promise<string> {
    return docker('exec', this.#name, 'docker', ...args);
  }

  /** Ends the engine in the middle of whatever it does; what supervises it starts it again after a second. */
  async kill(): Promise<void> {
    await docker('exec', this.#name, 'sh', '-c', 'kill -9 "$(cat /var/run/docker.pid)"');
  }

  /** Restarts the whole machine, as a reboot does: everything in it is asked to stop, and is gone. */
  async restart(): Promise<void> {
    await docker('restart', '--timeout', '30', this.#name);
  }

  /** Resolves when the engine answers. */
  async answers(): Promise<void> {
    await until('the inner engine answers', async () => {
      const { code } = await tryDocker('exec', this.#name, 'docker', 'version');
      return code === 0;
    });
  }

  async #create(): Promise<void> {
    await buildOnce();
    await inFreeSubnet(async (subnet) => {
      await docker('network', 'create', '--subnet', subnet, this.#name);
      this.#address = hostOf(subnet, 2);
      this.#subnet = subnet;
    });
    await docker(
      ...['run', '--detach', '--name', this.#name, '--network', this.#name, '--ip', this.address],
      ...privileges,
      // Layers upon layers: an overlay cannot lie on an overlay.
      ...['--volume', '/var/lib/docker', image, 'sh', '-c', supervisor],
    );
  }

  async #load(images: readonly string[]): Promise<void> {
    const save = spawn('docker', ['save', ...images], { stdio: ['ignore', 'pipe', 'inherit'] });
    const load = spawn('docker', ['exec', '--interactive', this.#name, 'docker', 'load', '--quiet'], {
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    const ended = once(load, 'close') as Promise<[number | null]>;
    const [complaints, [code]] = await Promise.all([
      text(load.stderr),
      ended,
      pipeline(save.stdout, load.stdin),
    ]);
    if (code !== 0) throw new Error(`docker load ended with ${code}: ${complaints}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What runs inside first: its cgroups lie beside those of this machine, and only its own engine removes them.
    await tryDocker(
      ...['exec', this.#name, 'sh', '-c'],
      'docker ps --all --quiet | xargs --no-run-if-empty docker rm --force --volumes',
    );
    await tryDocker('rm', '--force', '--volumes', this.#name);
    await tryDocker('network', 'rm', this.#name);
  }
}

async function buildOnce(): Promise<void> {
  const label = 'plumbstack-test.dockerfile';
  const seen = await tryDocker('image', 'inspect', '--format', `{{index .Config.Labels "${label}"}}`, image);
  const digest = Buffer.from(dockerfile).toString('base64url');
  if (seen.code === 0 && seen.stdout.trim() === digest) return;
  await buildImage(image, dockerfile, ['--label', `${label}=${digest}`]);
}

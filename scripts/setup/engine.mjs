// @ts-check
import { installDockerd } from './engine-install.mjs';
import { probeEngine } from './engine-probe.mjs';
import { startDockerd } from './engine-start.mjs';
import { hasCommand, run, timed } from './run.mjs';
import { SetupError } from './setup-error.mjs';

const defaultHost = 'unix:///var/run/docker.sock';
const probeTimeoutMs = 5_000;

/**
 * Finds a Docker engine that answers; where there is none, installs and starts one. An engine that
 * answers is used as it is, and nothing is installed.
 * @param {{ log: (line: string) => void }} options
 * @returns {Promise<{ env: Record<string, string> }>} what leads the docker client, and Docker
 *   libraries, to that engine
 */
export async function ensureEngine({ log }) {
  const hosts = await candidateHosts();
  for (const host of hosts) {
    const engine = await probeEngine(host, probeTimeoutMs);
    if (engine.state === 'answers') {
      log(`engine: answers, ${engine.version}`);
      return { env: clientEnv(host) };
    }
    if (engine.state !== 'absent') throw new SetupError(problems[engine.state](host));
  }
  if (process.env.DOCKER_HOST) {
    throw new SetupError(
      `No Docker engine answers at DOCKER_HOST=${process.env.DOCKER_HOST}.\n` +
        'Start that engine, or unset DOCKER_HOST to use one on this machine.',
    );
  }
  await installAndStart(log);
  return { env: clientEnv(defaultHost) };
}

const problems = {
  /** @param {string} host */
  hangs: (host) =>
    `The Docker engine at ${host} accepts connections and does not answer within ${probeTimeoutMs / 1000} s.\n` +
    'If it is only starting, try again in a moment; otherwise restart it (for example: sudo systemctl restart docker).\n' +
    'No second engine was started beside it.',
  /** @param {string} host */
  forbidden: (host) =>
    `You may not talk to the Docker engine at ${host}.\n` +
    'Add yourself to its group (sudo usermod -aG docker "$USER"), log in again, and repeat the command.',
};

/** Where an engine may be, most explicit first. */
async function candidateHosts() {
  if (process.env.DOCKER_HOST) return [process.env.DOCKER_HOST];
  const rootless = process.env.XDG_RUNTIME_DIR && `unix://${process.env.XDG_RUNTIME_DIR}/docker.sock`;
  const hosts = [await contextHost(), defaultHost, rootless].filter(
    (host) => host !== undefined && host !== '',
  );
  return /** @type {string[]} */ ([...new Set(hosts)]);
}

async function contextHost() {
  if (!hasCommand('docker')) return undefined;
  const host = await run('docker', ['context', 'inspect', '--format', '{{.Endpoints.docker.Host}}'], {
    timeoutMs: probeTimeoutMs,
  });
  return host.trim();
}

/**
 * A socket is named outright, so that everything set-up starts talks to the engine it found. Other
 * addresses come from DOCKER_HOST or from a context, whose certificates would be lost by naming it.
 * @param {string} host
 * @returns {Record<string, string>}
 */
const clientEnv = (host) => (host.startsWith('unix:') ? { DOCKER_HOST: host } : {});

/** @param {(line: string) => void} log */
async function installAndStart(log) {
  const isRoot = process.getuid?.() === 0;
  if (process.platform !== 'linux' || !isRoot || !(hasCommand('dockerd') || hasCommand('apt-get'))) {
    throw new SetupError(
      'No Docker engine answers. Start one (sudo systemctl start docker, or Docker Desktop), or install one:\n' +
        'https://docs.docker.com/engine/install/\n' +
        'On Debian and Ubuntu, running this command once as root does it all. An engine elsewhere: set DOCKER_HOST.',
    );
  }
  if (!hasCommand('dockerd')) await installDockerd(log);
  log(`engine: started (${await timed(() => startDockerd(defaultHost))})`);
}

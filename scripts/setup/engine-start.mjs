// @ts-check
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { probeEngine } from './engine-probe.mjs';
import { baseEnv, lastLines, run } from './run.mjs';
import { SetupError } from './setup-error.mjs';

const logFile = '/var/log/plumbstack-dockerd.log';
const pidFile = '/var/run/docker.pid';
const startTimeoutMs = 60_000;

/**
 * Starts the installed engine and waits until it answers.
 * @param {{ host: string, systemd: boolean }} options
 */
export async function startDockerd({ host, systemd }) {
  /** @type {Promise<unknown> | undefined} */
  let ended;
  if (systemd) await run('systemctl', ['start', 'docker'], { timeoutMs: startTimeoutMs });
  // Its package, or another set-up at the same time, may have just started it.
  else if (!isRunning()) ended = once(spawnDetached(), 'exit');

  const deadline = AbortSignal.timeout(startTimeoutMs);
  let alive = true;
  void ended?.then(() => (alive = isRunning()));
  while ((await probeEngine(host, 2_000)).state !== 'answers') {
    if (deadline.aborted || !alive) {
      const log = existsSync(logFile) ? lastLines(readFileSync(logFile, 'utf8'), 20) : '';
      throw new SetupError(
        `dockerd ${alive ? `does not answer after ${startTimeoutMs / 1000} s` : 'ended at once'}. ` +
          (systemd ? 'See: journalctl -u docker' : `The end of ${logFile}:\n${log}`),
      );
    }
    await delay(100);
  }
}

/** In a session of its own and without our pipes: the engine outlives this program. */
function spawnDetached() {
  const log = openSync(logFile, 'w');
  const dockerd = spawn('dockerd', [], { env: baseEnv, detached: true, stdio: ['ignore', log, log] });
  dockerd.unref();
  return dockerd;
}

function isRunning() {
  try {
    return process.kill(Number(readFileSync(pidFile, 'utf8')), 0);
  } catch {
    return false;
  }
}

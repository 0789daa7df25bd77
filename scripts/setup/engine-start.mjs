// @ts-check
import { spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { probeEngine } from './engine-probe.mjs';
import { baseEnv, lastLines, run } from './run.mjs';
import { SetupError } from './setup-error.mjs';

const logFile = '/var/log/plumbstack-dockerd.log';
const startTimeoutMs = 60_000;

/**
 * Starts the installed engine and waits until it answers.
 * @param {string} host
 */
export async function startDockerd(host) {
  if (existsSync('/run/systemd/system')) {
    await run('systemctl', ['start', 'docker'], { timeoutMs: startTimeoutMs });
  }
  // Its package, or another set-up at the same time, may have just started it.
  const dockerd = isRunning() ? undefined : spawnDetached();
  const deadline = AbortSignal.timeout(startTimeoutMs);
  while ((await probeEngine(host, 2_000)).state !== 'answers') {
    const ended = dockerd && dockerd.exitCode !== null && !isRunning();
    if (ended || deadline.aborted) {
      const log = existsSync(logFile) ? lastLines(readFileSync(logFile, 'utf8'), 20) : 'empty';
      throw new SetupError(
        `dockerd ${ended ? 'ended' : `does not answer within ${startTimeoutMs / 1000} s`}. ` +
          `Start a Docker engine by hand, then repeat the command. The end of ${logFile}:\n${log}`,
      );
    }
    await delay(100);
  }
}

/** In a session of its own and with none of our pipes: the engine outlives this program. */
function spawnDetached() {
  const log = openSync(logFile, 'a');
  const dockerd = spawn('dockerd', [], {
    cwd: '/',
    env: baseEnv,
    detached: true,
    stdio: ['ignore', log, log],
  });
  dockerd.unref();
  return dockerd;
}

/** A pid file alone proves nothing: it may be left over, and its number taken by another program. */
function isRunning() {
  try {
    const pid = readFileSync('/var/run/docker.pid', 'utf8').trim();
    return readFileSync(`/proc/${pid}/comm`, 'utf8') === 'dockerd\n';
  } catch {
    return false;
  }
}

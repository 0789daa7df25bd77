// One byte of an R API changed, until all workers of its pool answer with it, beside a restart of the same pool, in turn, in one run.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plumber, Stack } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';
import { median, row, timed } from './support/measure';

const rounds = Number(process.env['ROUNDS'] ?? 5);
const folder = mkdtempSync(join(tmpdir(), 'plumbstack-bench-'));

function described(edit: number): Stack {
  writeFileSync(join(folder, 'plumber.R'), `#* @get /\nfunction() ${edit}\n`);
  const stack = new Stack('bench-edit', { baseDir: folder });
  stack.pool('workers', { app: stack.app('app', plumber('./plumber.R')), replicas: 3 });
  return stack;
}

async function main(): Promise<void> {
  await using runtime = new DockerRuntime();
  const deployment = await runtime.up(described(0));
  const served: number[] = [];
  const edits: number[] = [];
  const restarts: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    restarts.push(await timed(() => deployment.restart('workers')));
    const stack = described(round);
    const start = performance.now();
    // The last worker of the new version gets requests, and no old one does.
    using _ = runtime.events.on(
      'worker:draining',
      () => void (served[round - 1] = performance.now() - start),
    );
    edits.push(await timed(() => runtime.up(stack)));
  }
  await deployment.down({ images: true });
  const restart = median(restarts);
  console.log(row('', 'ms', 'x restart'));
  console.log(row('---', '---', '---'));
  for (const [what, ms] of [
    ['restart of the pool', restart],
    ['edit: served by all', median(served)],
    ['edit: up resolves', median(edits)],
  ] as const) {
    console.log(row(what, ms.toFixed(0), (ms / restart).toFixed(2)));
  }
}

void main().finally(() => rmSync(folder, { recursive: true }));

// A build context of 200 MB in 20,000 files, almost all ignored and not ignored, changed and not: beside `docker build`.
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, contextDigest, FileDigests, openBuildContext } from '@plumbstack/docker/client';
import { median, row, timed } from './support/measure';

const rounds = Number(process.env['ROUNDS'] ?? 3);
const image = 'node:24-slim';
const tag = 'plumbstack-bench/context:1';

function fillFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'plumbstack-bench-'));
  mkdirSync(join(folder, 'src'));
  writeFileSync(join(folder, 'Dockerfile'), `FROM ${image}\nCOPY . /srv/\n`);
  for (let outer = 0; outer < 200; outer++) {
    const inner = join(folder, 'data', `d${outer}`);
    mkdirSync(inner, { recursive: true });
    for (let file = 0; file < 100; file++) writeFileSync(join(inner, `f${file}.csv`), randomBytes(10_000));
  }
  return folder;
}

let changes = 0;
function change(folder: string): void {
  writeFileSync(join(folder, 'src', 'main.R'), `# ${changes++} ${randomBytes(8).toString('hex')}\n`);
}

function dockerBuild(folder: string, buildkit: boolean): void {
  const env = { ...process.env, DOCKER_BUILDKIT: buildkit ? '1' : '0' };
  const { status, stderr } = spawnSync('docker', ['build', '--quiet', '--tag', tag, folder], { env });
  if (status !== 0) throw new Error(stderr.toString());
}

/** Bytes of the archive, and how much memory this process takes more while it is packed. */
async function packed(folder: string): Promise<{ readonly bytes: number; readonly moreMemory: number }> {
  const context = await openBuildContext({ context: folder, dockerfile: 'Dockerfile', args: {} });
  const before = process.memoryUsage().rss;
  let [bytes, highest] = [0, before];
  for await (const chunk of context.pack()) {
    bytes += (chunk as Buffer).length;
    highest = Math.max(highest, process.memoryUsage().rss);
  }
  return { bytes, moreMemory: highest - before };
}

async function measure(folder: string, ignored: string): Promise<void> {
  writeFileSync(join(folder, '.dockerignore'), ignored);
  const what = ignored === '' ? 'nothing' : ignored;
  const client = await connect();
  const source = { context: folder, dockerfile: 'Dockerfile', args: {} };
  const times: Record<string, number[]> = {};
  const note = async (work: string, run: () => unknown): Promise<void> => {
    (times[work] ??= []).push(await timed(run));
  };
  const known = new FileDigests();
  for (let round = 0; round < rounds; round++) {
    change(folder);
    await note('plumbstack, changed', async () => {
      await contextDigest(source, known);
      await client.buildImage({ ...source, labels: {}, tag });
    });
    await note('plumbstack, unchanged, first look', () => contextDigest(source));
    await note('plumbstack, unchanged, looked before', () => contextDigest(source, known));
    for (const buildkit of [false, true]) {
      const name = buildkit ? 'docker build, BuildKit' : 'docker build, classic';
      change(folder);
      await note(`${name}, changed`, () => dockerBuild(folder, buildkit));
      await note(`${name}, unchanged`, () => dockerBuild(folder, buildkit));
    }
  }
  client.close();
  const { bytes, moreMemory } = await packed(folder);
  for (const [work, figures] of Object.entries(times)) console.log(row(what, work, median(figures)));
  console.log(row(what, 'plumbstack, changed: MB sent', bytes / 1e6));
  console.log(row(what, 'plumbstack, changed: MB of memory', moreMemory / 1e6));
}

async function main(): Promise<void> {
  const folder = fillFolder();
  try {
    console.log('| ignored | work | ms |\n| --- | --- | --- |');
    for (const ignored of ['data', '**/*.csv', '']) await measure(folder, ignored);
  } finally {
    rmSync(folder, { recursive: true });
    execFileSync('docker', ['image', 'rm', '--force', tag], { stdio: 'ignore' });
  }
}

void main();

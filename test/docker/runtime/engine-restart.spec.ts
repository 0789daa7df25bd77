import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { isPlumbstackError, postgres, redis, type PlumbstackError, type Stack } from '@plumbstack/core';
import type { LifecycleDeployment } from '@plumbstack/events';
import { DockerRuntime } from '@plumbstack/docker';
import { formatSubnet, overlap, parseSubnet } from '@plumbstack/docker/internal';
import { recordEvents } from '@plumbstack/testing';
import { docker, tryDocker } from '../../support/docker-cli';
import { EngineInContainer } from '../../support/engine-in-container';
import { anySubnet, hostOf } from '../../support/free-subnet';
import { ask, eventually, Lab } from '../../support/lab';
import { lightApp, lightAppOf } from '../../support/light-app';

const images = ['node:24-slim', 'nginx:1.30', 'haproxy:3.2', 'postgres:18', 'redis:8'];
// Inside the other machine; of this one's networks none has it.
const stackSubnet = anySubnet(235);
const gateway = hostOf(stackSubnet, 1);
const workers = ['workers-1', 'workers-2', 'workers-3'];

// Adds a row five times a second, and goes on where the database does not answer.
const writer = `
trap 'exit 0' TERM
until psql --quiet --command='create table if not exists entries (id bigserial primary key)'; do sleep 0.2; done
while :; do psql --quiet --command='insert into entries default values'; sleep 0.2; done
`;

// Counts its requests in Redis, over one connection that it opens again whenever that ends.
const counter = `
const { readFileSync } = require('node:fs');
const { connect } = require('node:net');
const { REDIS_HOST, REDIS_PORT, REDIS_PASSWORD_FILE } = process.env;
let redis, waiting;
const ask = (parts, answer) => {
  redis.write('*' + parts.length + '\\r\\n' + parts.map((each) => '$' + each.length + '\\r\\n' + each + '\\r\\n').join(''));
  waiting.push(answer);
};
const open = () => {
  let text = '';
  waiting = [];
  redis = connect(Number(REDIS_PORT), REDIS_HOST).setEncoding('utf8').on('error', () => undefined);
  redis.on('data', (part) => {
    const lines = (text + part).split('\\r\\n');
    text = lines.pop();
    for (const line of lines) waiting.shift()(line);
  });
  redis.on('close', () => {
    for (const answer of waiting) answer('-the connection ended');
    setTimeout(open, 100);
  });
  ask(['AUTH', readFileSync(REDIS_PASSWORD_FILE, 'utf8')], () => undefined);
};
open();
require('node:http').createServer((request, response) => {
  ask(['INCR', 'requests'], (line) => response.writeHead(line.startsWith(':') ? 200 : 503).end(line.slice(1)));
}).listen(8000);
process.on('SIGTERM', () => process.exit(0));
`;

describe('an engine on another machine', function () {
  this.timeout(240_000);
  let engine: EngineInContainer;
  let lab: Lab;
  let stack: Stack;
  let deployment: LifecycleDeployment;

  before(async function () {
    const refusal = await EngineInContainer.refusal();
    if (refusal !== undefined) {
      console.log(`    left out: containers of this machine may not run an engine: ${refusal}`);
      this.skip();
    }
    engine = await EngineInContainer.start(images);
    lab = new Lab({ host: engine.host });
    stack = lab.stack({ subnet: stackSubnet });
    describeStack(stack, '1');
    deployment = await lab.runtime.up(stack);
  });

  after(async () => {
    await lab?.clear();
    await engine?.[Symbol.asyncDispose]();
  });

  function describeStack(described: Stack, version: string): void {
    const app = described.app('app', lightAppOf(version, { startTimeoutMs: 15_000 }));
    const worker = described.app('worker', lightApp());
    const pool = described.pool('workers', {
      app: worker,
      replicas: 3,
      balance: 'roundrobin',
      sticky: 'cookie',
    });
    const db = postgres(described, 'db');
    const shell = ['sh', '-c'];
    described.service('writer', { image: 'postgres:18', entrypoint: [...shell, writer], connect: [db] });
    const cache = redis(described, 'cache');
    const counting = described.app('counter', {
      image: 'node:24-slim',
      command: ['node', '-e', counter],
      connect: [cache],
    });
    described
      .router('web', { publish: 0 })
      .route('/app/', app)
      .route('/pool/', pool)
      .route('/counter/', counting);
  }

  const sql = async (query: string): Promise<number> =>
    Number(await engine.docker('exec', `${stack.name}-writer`, 'psql', '--no-password', '-tAc', query));
  const lastRow = (): Promise<number> => sql('select coalesce(max(id), 0) from entries');
  /** How many rows there are up to one: numbers are left out where the database was killed. */
  const rowsUpTo = (last: number): Promise<number> => sql(`select count(*) from entries where id <= ${last}`);

  /** How many requests Redis has counted, this one too. */
  async function count(): Promise<number | undefined> {
    const response = await fetch(new URL('/counter/', deployment.endpoint('web')));
    return response.ok ? Number(await response.text()) : undefined;
  }

  /** All of it, as a visitor sees it. */
  async function answersAsAWhole(): Promise<true | undefined> {
    const url = deployment.endpoint('web');
    assert.equal((await ask(url, '/app/')).host, 'app');
    const seen = new Set<string>();
    for (let each = 0; each < 9; each++) seen.add((await ask(url, '/pool/')).host);
    return seen.size === workers.length || undefined;
  }

  async function cookieOf(worker: string): Promise<string> {
    return eventually(`a cookie of ${worker}`, async () => {
      const response = await fetch(new URL('/pool/', deployment.endpoint('web')));
      const { host } = (await response.json()) as { host: string };
      return host === worker ? response.headers.get('set-cookie')?.split(';')[0] : undefined;
    });
  }

  /** When each container of the stack was started. */
  async function starts(): Promise<ReadonlyMap<string, string>> {
    const names = await engine.docker(
      'ps',
      '--filter',
      `label=io.plumbstack.stack=${stack.name}`,
      '--format',
      '{{.Names}}',
    );
    const format = '{{.Name}} {{.State.StartedAt}}';
    const lines = await engine.docker('inspect', '--format', format, ...names.split('\n'));
    return new Map(lines.split('\n').map((line) => line.split(' ') as [string, string]));
  }

  async function comesBackAfter(interruption: () => Promise<void>): Promise<void> {
    const cookie = await cookieOf('workers-2');
    const last = await eventually('rows are written', async () => (await lastRow()) || undefined);
    const rows = await rowsUpTo(last);
    const requests = await eventually('requests are counted', count);
    const before = await starts();
    await interruption();
    await eventually('it answers as before', answersAsAWhole, 60_000);
    await eventually('rows are written again', async () => (await lastRow()) > last || undefined, 60_000);
    assert.equal(await rowsUpTo(last), rows);
    assert.ok((await eventually('requests are counted again', count)) > requests);
    const url = deployment.endpoint('web');
    assert.equal((await ask(url, '/pool/', { headers: { cookie } })).host, 'workers-2');
    // Not because nothing had happened to it.
    const after = await starts();
    assert.deepEqual([...after.keys()].sort(), [...before.keys()].sort());
    assert.deepEqual(
      [...after].filter(([name, start]) => start === before.get(name)),
      [],
    );
    await eventually('all are healthy', async () => (await deployment.status()).healthy || undefined);
    const plan = await lab.runtime.plan(stack);
    assert.equal(plan.isEmpty, true, plan.toString());
  }

  it('has a stack whose apps this machine cannot reach, and whose published port it can', async () => {
    assert.equal(addresses().includes(gateway), false);
    assert.equal(deployment.endpoint('web').hostname, engine.address);
    assert.equal(await answersAsAWhole(), true);
    assert.equal((await deployment.status()).healthy, true);
  });

  it('keeps its way to what its machine reaches', async () => {
    const own = parseSubnet(engine.subnet);
    const addressPool = formatSubnet({ base: own.base & ~1023, prefix: 22 });
    await using runtime = new DockerRuntime({ host: engine.host, addressPool });
    const other = lab.stack();
    other.app('app', lightApp());
    await runtime.up(other);
    const networks = await engine.docker('network', 'ls', '--quiet', '--filter', `name=^${other.name}`);
    const format = '{{range .IPAM.Config}}{{.Subnet}}{{end}}';
    const subnets = await engine.docker('network', 'inspect', '--format', format, ...networks.split('\n'));
    for (const each of subnets.split('\n')) {
      assert.ok(overlap(parseSubnet(addressPool), parseSubnet(each)), each);
      assert.ok(!overlap(own, parseSubnet(each)), `${each} is where ${engine.subnet} was`);
    }
    const names = await engine.docker('ps', '--all', '--format', '{{.Names}}');
    assert.ok(!names.includes('machine'), names);
  });

  it('is told what an app answered that does not become healthy, by who can look at it', async () => {
    const answers = [
      ['r.statusCode = 503; r.end()', 8000, 'status 503'],
      ['r.socket.destroy()', 8000, 'closed without an answer'],
      ['', 8000, 'no answer within 0.5 s'],
      ['r.end()', 8001, 'connection refused'],
    ] as const;
    const other = lab.stack();
    answers.forEach(([answer, port], index) =>
      other.app(`app-${index}`, {
        image: 'node:24-slim',
        command: ['node', '-e', `require('http').createServer((_, r) => { ${answer} }).listen(${port})`],
        health: { http: '/', timeoutMs: 500 },
        startTimeoutMs: 4000,
      }),
    );
    const failure: unknown = await lab.runtime.up(other).catch((error: unknown) => error);
    assert.ok(isPlumbstackError(failure, 'RUN_FAILED'), String(failure));
    const errors = failure.details['errors'] as readonly PlumbstackError[];
    assert.deepEqual(
      errors.map(({ code, resource, details }) => [code, resource, details['healthOutput']]).sort(),
      answers.map(([, , seen], index) => ['UNHEALTHY', `${other.name}/app-${index}`, [seen]]),
    );
  });

  it('brings the whole stack back by itself, its data too, when it was killed', async () => {
    await comesBackAfter(async () => {
      await engine.kill();
      await engine.answers();
    });
  });

  it('brings the whole stack back by itself, its data too, when its machine was restarted', async () => {
    await comesBackAfter(async () => {
      await engine.restart();
      await engine.answers();
    });
  });

  it('that was killed tells its listeners what has become of each container, once, and that it may not be all', async () => {
    using recorder = recordEvents(deployment.events);
    const before = await starts();
    // The feed has begun, and there is something to know it by.
    await engine.docker('pause', `${stack.name}-app`);
    await engine.docker('unpause', `${stack.name}-app`);
    await recorder.waitFor('container:unpaused');
    await engine.kill();
    await engine.answers();
    await recorder.waitFor('stream:gap', () => true, { timeoutMs: 60_000 });
    await recorder.waitFor('stream:recovered', () => true, { timeoutMs: 60_000 });
    await eventually('it answers as before', answersAsAWhole, 60_000);
    const after = await starts();
    const again = [...after.keys()].filter((name) => after.get(name) !== before.get(name));
    assert.ok(again.length > 0, 'nothing was started again');
    await eventually('each start is told', async () =>
      Promise.resolve(recorder.of('container:started').length >= again.length || undefined),
    );
    const told = recorder.of('container:started').map(({ container }) => `/${container}`);
    assert.deepEqual([...told].sort(), [...again].sort());
    assert.equal(recorder.of('container:removed').length, 0);
  });

  it('is asked about its apps even where this machine has the same addresses', async () => {
    const name = `er-same-${stack.name}`;
    try {
      await docker('network', 'create', '--subnet', stackSubnet, name);
      // A bridge has its address while something is on it.
      await docker(
        'run',
        '--detach',
        '--init',
        '--name',
        name,
        '--network',
        name,
        'node:24-slim',
        'sleep',
        '600',
      );
      assert.ok(addresses().includes(gateway));
      const next = lab.again(stack, { subnet: stackSubnet });
      describeStack(next, '2');
      await lab.runtime.up(next);
      assert.equal((await ask(deployment.endpoint('web'), '/app/')).version, '2');
    } finally {
      await tryDocker('rm', '--force', '--volumes', name);
      await docker('network', 'rm', name);
    }
  });
});

/** IPv4 and IPv6 addresses of this machine. */
function addresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address));
}

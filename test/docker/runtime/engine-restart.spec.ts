import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { type Pool, type Stack } from '@plumbstack/core';
import { docker, tryDocker } from '../../support/docker-cli';
import { EngineInContainer } from '../../support/engine-in-container';
import { ask, eventually, Lab } from '../../support/lab';
import { lightApp } from '../../support/light-app';

const images = ['node:24-slim', 'nginx:1.30', 'haproxy:3.2'];
const outerSubnet = '10.229.240.0/24';
const innerSubnet = '10.229.244.0/22';

describe('an engine that ends and starts again', function () {
  this.timeout(180_000);
  let engine: EngineInContainer | undefined;
  let lab: Lab;

  before(async function () {
    // Whatever this machine does not allow shows before the engine answers for the first time.
    engine = await EngineInContainer.start(outerSubnet, images).catch((error: unknown) => {
      console.log(`    skipped, as this machine cannot run an engine in a container: ${String(error)}`);
      return undefined;
    });
    if (engine === undefined) this.skip();
    lab = new Lab({ host: engine.host });
  });

  after(async () => {
    await lab?.clear();
    await engine?.[Symbol.asyncDispose]();
  });

  it('brings back', async () => {
    assert.ok(engine);
    const e = engine;
    const stack = lab.stack({ subnet: innerSubnet });
    const app = stack.app('app', lightApp());
    const pool = stack.pool('workers', { app: stack.app('worker', lightApp()), replicas: 3, balance: 'roundrobin' });
    stack.router('web', { publish: 0 }).route('/app/', app).route('/pool/', pool);
    console.time('up');
    const deployment = await lab.runtime.up(stack);
    console.timeEnd('up');
    const url = deployment.endpoint('web');
    console.log(url.href, await ask(url, '/app/'), await ask(url, '/pool/'));
    const back = async (what: string) => {
      console.time(what);
      await eventually('back', async () => { await ask(url, '/app/'); const w = new Set<string>(); for (let i = 0; i < 9; i++) w.add((await ask(url, '/pool/')).host); return w.size === 3 ? w : undefined; }, 60_000);
      console.timeEnd(what);
      console.log((await lab.runtime.plan(stack)).toString());
    };
    await e.kill(); await e.answers();
    await back('kill');
    await e.restart();
    await back('restart');
  });
});

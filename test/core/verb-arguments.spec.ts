import assert from 'node:assert/strict';
import { deploymentArguments, runtimeArguments, Stack } from '@plumbstack/core';
import { refusalOf } from './refusal';

const stack = new Stack('shop');
const api = stack.app('api', { image: 'api:1' });
const pool = stack.pool('w', { app: stack.app('worker', { image: 'api:1' }) });
const data = stack.volume('data');
const key = stack.secret('key', { env: 'KEY' });
const other = new Stack('blog').app('api', { image: 'api:1' });
const { plan, up, attach, list, down } = runtimeArguments;
const verbs = deploymentArguments('shop');

/** Values of every kind but the one that is wanted, as programs without types pass them. */
const strangers = [null, 3, true, Symbol('s'), 5n, [], {}, () => 'api', new Map(), Promise.resolve('api')];

describe("a verb's arguments", () => {
  it('name a stack by itself, or where its name is enough by that', () => {
    assert.equal(plan(stack, undefined).stack, stack);
    assert.equal(up(stack, {}).stack, stack);
    assert.equal(attach('shop', {}).stack, 'shop');
    assert.equal(down('shop', { volumes: true }).stack, 'shop');
    assert.equal(down(stack, undefined).stack, 'shop');
    assert.deepEqual(list(undefined), { options: {} });
  });

  it('name a resource by itself, by its name, or by its path', () => {
    for (const given of [api, 'api', 'shop/api']) {
      assert.equal(verbs.exec(given, ['ls'], undefined).resource, 'api');
      assert.equal(verbs.endpoint(given, undefined).resource, 'api');
      assert.equal(verbs.restart(given, {}).resource, 'api');
      assert.equal(verbs.repair(given, {}).resource, 'api');
      assert.equal(verbs.logs(given, {}).resource, 'api');
    }
    for (const given of [pool, 'w', 'shop/w']) {
      assert.equal(verbs.scale(given, 3, {}).pool, 'w');
      assert.equal(verbs.rollback(given, {}).pool, 'w');
      assert.equal(verbs.versions(given, {}).pool, 'w');
      assert.equal(verbs.stats(given, {}).pool, 'w');
    }
    for (const given of [data, 'data', 'shop/data']) {
      assert.equal(verbs.exportVolume(given, {}).volume, 'data');
      assert.equal(verbs.importVolume(given, new ReadableStream(), {}).volume, 'data');
    }
    assert.equal(verbs.logs(undefined, {}).resource, undefined);
  });

  it('name a version by itself, or by how its digest begins', () => {
    const digest = '0123456789abcdef'.repeat(4);
    assert.equal(verbs.rollback('w', { to: { digest, isCurrent: false } }).options.to, digest);
    assert.equal(verbs.rollback('w', { to: digest.slice(0, 8) }).options.to, digest.slice(0, 8));
    assert.equal(verbs.rollback('w', {}).options.to, undefined);
  });

  it('name a resource of the same stack that another program has described', () => {
    const again = new Stack('shop').app('api', { image: 'api:2' });
    assert.equal(verbs.exec(again, ['ls'], {}).resource, 'api');
  });

  const wrong: readonly (readonly [path: string, says: RegExp, call: () => unknown])[] = [
    ['exec.command', /not the text "ls -l"[^]*\['ls', '-l'\]/, () => verbs.exec('api', 'ls -l', {})],
    ['exec.command', /program/, () => verbs.exec('api', [], {})],
    ['exec.command', /program/, () => verbs.exec('api', ['', 'x'], {})],
    ['exec.command[1]', /not the number 3/, () => verbs.exec('api', ['sleep', 3], {})],
    ['exec.command[1]', /NUL/, () => verbs.exec('api', ['ls', 'a\0b'], {})],
    ['up.stack', /a Stack, not the text "shop"/, () => up('shop', {})],
    ['up.stack', /not an App/, () => up(api, {})],
    ['plan.stack', /not undefined/, () => plan(undefined, {})],
    ['attach.stackName', /not a Stack/, () => attach(stack, {})],
    ['attach.stackName', /"Shop"/, () => attach('Shop', {})],
    ['down.stack', /"\.\.\/x"/, () => down('../x', {})],
    ['down.stack', /not an App/, () => down(api, {})],
    ['scale.replicas', /not the text "3"/, () => verbs.scale('w', '3', {})],
    ['scale.replicas', /from 0 to 1000, not the number 1001/, () => verbs.scale('w', 1001, {})],
    ['scale.replicas', /not the number NaN/, () => verbs.scale('w', NaN, {})],
    ['scale.replicas', /not undefined/, () => verbs.scale('w', undefined, {})],
    [
      'scale.pool',
      /a pool of the stack "shop", or its name, not the app shop\/api/,
      () => verbs.scale(api, 3, {}),
    ],
    ['stats.pool', /not the volume shop\/data/, () => verbs.stats(data, {})],
    ['rollback.pool', /not a Promise/, () => verbs.rollback(Promise.resolve('w'), {})],
    [
      'rollback.to',
      /eight digits of its digest, not the text "0123456"/,
      () => verbs.rollback('w', { to: '0123456' }),
    ],
    ['rollback.to', /not the text "latest"/, () => verbs.rollback('w', { to: 'latest' })],
    ['rollback.to', /not the number 1/, () => verbs.rollback('w', { to: 1 })],
    ['rollback.to', /not/, () => verbs.rollback('w', { to: { digest: 'x' } })],
    ['exec.resource', /not the volume shop\/data/, () => verbs.exec(data, ['ls'], {})],
    ['logs.resource', /not the secret shop\/key/, () => verbs.logs(key, {})],
    ['logs.resource', /not null/, () => verbs.logs(null, {})],
    ['exec.resource', /not the app blog\/api[^]*attach\("blog"\)/, () => verbs.exec(other, ['ls'], {})],
    ['exec.resource', /"blog\/api"[^]*attach\("blog"\)/, () => verbs.exec('blog/api', ['ls'], {})],
    ['exec.resource', /"shop\/"/, () => verbs.exec('shop/', ['ls'], {})],
    ['exec.resource', /"shop\/api\/1"/, () => verbs.exec('shop/api/1', ['ls'], {})],
    ['exec.resource', /""/, () => verbs.exec('', ['ls'], {})],
    ['restart.resource', /a Stack/, () => verbs.restart(stack, {})],
    ['endpoint.port', /not the text "8000"/, () => verbs.endpoint('api', '8000')],
    ['endpoint.port', /not the number 0/, () => verbs.endpoint('api', 0)],
    ['endpoint.port', /not null/, () => verbs.endpoint('api', null)],
    ['exportVolume.volume', /not the app shop\/api/, () => verbs.exportVolume(api, {})],
    [
      'importVolume.source',
      /the text "data.tar"[^]*createReadStream/,
      () => verbs.importVolume('data', 'data.tar', {}),
    ],
    ['importVolume.source', /not undefined/, () => verbs.importVolume('data', undefined, {})],
    [
      'importVolume.stop',
      /not the text "yes"/,
      () => verbs.importVolume('data', new ReadableStream(), { stop: 'yes' }),
    ],
    ['exec.timeoutMs', /not the text "5"/, () => verbs.exec('api', ['ls'], { timeoutMs: '5' })],
    ['status', /an object of options, not the number 5/, () => verbs.status(5)],
  ];
  for (const [path, says, call] of wrong) {
    it(`are refused where one is of the wrong kind: ${call.toString().slice(6)}`, () => {
      const error = refusalOf(call);
      assert.equal(error.details['path'], path);
      assert.match(error.message, says);
    });
  }

  it('are refused in every place for every stranger', () => {
    const places: readonly ((value: unknown) => unknown)[] = [
      (value) => plan(value, {}),
      (value) => up(value, {}),
      (value) => attach(value, {}),
      (value) => down(value, {}),
      (value) => verbs.endpoint(value, 80),
      (value) => verbs.scale(value, 1, {}),
      (value) => verbs.rollback(value, {}),
      (value) => verbs.versions(value, {}),
      (value) => verbs.restart(value, {}),
      (value) => verbs.logs(value, {}),
      (value) => verbs.exec(value, ['ls'], {}),
      (value) => verbs.exec('api', value, {}),
      (value) => verbs.exportVolume(value, {}),
      (value) => verbs.importVolume(value, new ReadableStream(), {}),
      (value) => verbs.importVolume('data', value, {}),
      (value) => verbs.stats(value, {}),
    ];
    for (const place of places) for (const stranger of strangers) refusalOf(() => place(stranger));
  });
});

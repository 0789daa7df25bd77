import assert from 'node:assert/strict';
import type { PoolUnit } from '@plumbstack/docker/internal';
import {
  bridgeOf,
  historyOf,
  settledVersion,
  versionOf,
  withVersion,
  type ObservedContainer,
  type PoolRecord,
} from '@plumbstack/docker/internal';
import { poolOf } from '../compile/compiled';
import { applied, compare } from './planned';
import { sample } from './sample';

type Http = { readonly path: string };

describe("a pool's version", () => {
  let base: PoolUnit;
  let workers: readonly ObservedContainer[];

  before(async () => {
    const { desired, observed } = await compare(await applied(sample()), sample());
    base = poolOf(desired, 'workers');
    workers = observed.containers.filter(({ role }) => role === 'worker');
  });

  /** The pool in another version: of other workers, and with another check. */
  function version(digest: string, http?: Http, port = base.worker.port): PoolUnit {
    const timing = { intervalMs: 1000, timeoutMs: 500, retries: 3 };
    const health =
      http === undefined
        ? ({ type: 'tcp', ...timing } as const)
        : ({ type: 'http', ...http, minStatus: 200, maxStatus: 399, ...timing } as const);
    const container = { ...base.worker.container, digest };
    return withVersion(base, { worker: { ...versionOf(base).worker, container, port, health }, health });
  }
  const record = (unit: PoolUnit, more: Partial<PoolRecord> = {}): PoolRecord => ({
    replicas: unit.spec.replicas,
    slots: unit.worker.slots,
    unit,
    contents: [],
    ...more,
  });
  const running = (digest: string, port = base.worker.port): readonly ObservedContainer[] =>
    workers.map((each) => ({ ...each, digest, identity: { ...each.identity, port } }));
  const digestOf = (found: { readonly worker: Pick<PoolUnit['worker'], 'container'> } | undefined): unknown =>
    found?.worker.container.digest;

  it('comes back as it was, on the slots and with the number of workers that the pool has now', () => {
    const now = { ...version('2'), spec: { ...version('2').spec, replicas: 9 } };
    const back = withVersion(now, versionOf(version('1', { path: '/one' }, 9000)));
    assert.equal(back.worker.container.digest, '1');
    assert.deepEqual(back.worker.slots, now.worker.slots);
    assert.equal(back.spec.replicas, 9);
    assert.deepEqual(back.spec.health, back.config.model.health);
    assert.ok(back.config.model.slots.every(({ address }) => address.endsWith(':9000')));
  });

  describe('before this one', () => {
    it('is the one that the record describes, where an update begins', () => {
      const history = historyOf(record(version('1')), version('2'));
      assert.equal(digestOf(history.before), '1');
      assert.equal(history.isReached, false);
    });

    it('stays what it is, where the workers do', () => {
      const history = historyOf(record(version('2'), { before: versionOf(version('1')) }), version('2'));
      assert.equal(digestOf(history.before), '1');
      assert.equal(history.isReached, true);
    });

    it('is the last one that served alone, where an update was interrupted', () => {
      const interrupted = record(version('2'), { before: versionOf(version('1')), unsettled: 'update' });
      assert.equal(digestOf(settledVersion(interrupted)), '1');
      assert.equal(digestOf(historyOf(interrupted, version('3')).before), '1');
      assert.deepEqual(historyOf(interrupted, version('2')).isReached, false);
      // Back at the one before: there is nothing known before that.
      assert.equal(historyOf(interrupted, version('1')).before, undefined);
    });

    it('is the one that was interrupted over its number of workers', () => {
      const interrupted = record(version('2'), { before: versionOf(version('1')), unsettled: 'workers' });
      assert.equal(digestOf(settledVersion(interrupted)), '2');
      assert.equal(digestOf(historyOf(interrupted, version('3')).before), '2');
    });

    it('is unknown where there is no record', () => {
      assert.deepEqual(historyOf(undefined, version('1')), { isReached: false, there: [] });
      assert.equal(settledVersion(undefined), undefined);
    });
  });

  describe('meets another one that is checked otherwise', () => {
    const one = { path: '/one' };
    const two = { path: '/two' };

    it('while an open port is enough for both', () => {
      const bridge = bridgeOf(version('2', two), record(version('1', one)), running('1'));
      assert.equal(bridge?.health.type, 'tcp');
    });

    it('while each is asked at its own port', () => {
      const bridge = bridgeOf(version('2', undefined, 9000), record(version('1')), running('1'));
      const ports = bridge?.slots.map(({ address }) => address.split(':')[1]);
      assert.deepEqual(ports?.slice(0, workers.length + 1), [...workers.map(() => '8000'), '9000']);
    });

    it('and has that check kept out until all workers have passed it', () => {
      assert.equal(bridgeOf(version('1', two), record(version('1', one)), running('1'))?.health.type, 'tcp');
    });

    it('after a run that was interrupted, or whose record is lost', () => {
      const half = [...running('1').slice(0, 1), ...running('2').slice(1)];
      for (const found of [
        record(version('2', two), { unsettled: 'update' }),
        record(version('1', one), { unsettled: 'workers' }),
        undefined,
      ])
        assert.equal(bridgeOf(version('2', two), found, half)?.health.type, 'tcp');
    });

    it('without more ado where one check suits both', () => {
      for (const [from, to] of [
        [version('1'), version('2')],
        [version('1', one), version('2', one)],
        [version('1', one), version('2')],
      ] as const)
        assert.equal(bridgeOf(to, record(from), running('1')), undefined);
      // Nobody is there to be taken out.
      assert.equal(bridgeOf(version('2', two), record(version('1', one)), []), undefined);
    });
  });
});

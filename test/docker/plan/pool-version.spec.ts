import assert from 'node:assert/strict';
import type { PoolUnit } from '@plumbstack/docker/internal';
import {
  bridgeOf,
  historyOf,
  keptVersions,
  settledVersion,
  versionOf,
  withVersion,
  type ObservedContainer,
  type PoolRecord,
  type PoolVersion,
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
  const digestsOf = (versions: readonly PoolVersion[] | undefined): readonly unknown[] =>
    (versions ?? []).map(digestOf);
  const arrival = { at: '2026-01-01T00:00:00.000Z', by: 'ada@desk', source: 'shop/api:1' };
  const past = (...digests: readonly string[]): Pick<PoolRecord, 'versions'> => ({
    versions: digests.map((digest) => versionOf(version(digest))),
  });

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
      const history = historyOf(record(version('2'), { arrival, ...past('1') }), version('3'));
      assert.deepEqual(digestsOf(history.versions), ['2', '1']);
      assert.deepEqual(history.versions[0]?.arrival, arrival);
      assert.equal(history.isReached, false);
      assert.equal(history.arrival, undefined);
    });

    it('stays what it is, where the workers do', () => {
      const history = historyOf(record(version('2'), { arrival, ...past('1') }), version('2'));
      assert.deepEqual(digestsOf(history.versions), ['1']);
      assert.equal(history.isReached, true);
      assert.deepEqual(history.arrival, arrival);
    });

    it('is the last one that served alone, where an update was interrupted', () => {
      const interrupted = record(version('2'), { arrival, ...past('1', '0'), unsettled: 'update' });
      assert.equal(digestOf(settledVersion(interrupted)), '1');
      assert.deepEqual(digestsOf(historyOf(interrupted, version('3')).versions), ['1', '0']);
      const again = historyOf(interrupted, version('2'));
      // It has never served alone, so that it has yet to arrive.
      assert.deepEqual([again.isReached, again.arrival], [false, undefined]);
      // Back at the one before: what is known before that is what was.
      const back = historyOf(interrupted, version('1'));
      assert.deepEqual(digestsOf(keptVersions(version('1'), back.versions)), ['0']);
    });

    it('is the one that was interrupted over its number of workers', () => {
      const interrupted = record(version('2'), { ...past('1'), unsettled: 'workers' });
      assert.equal(digestOf(settledVersion(interrupted)), '2');
      assert.deepEqual(digestsOf(historyOf(interrupted, version('3')).versions), ['2', '1']);
    });

    it('is unknown where there is no record', () => {
      assert.deepEqual(historyOf(undefined, version('1')), { versions: [], isReached: false, there: [] });
      assert.equal(settledVersion(undefined), undefined);
    });

    it('is remembered once, and with as many others as are to be kept', () => {
      const again = historyOf(record(version('2'), past('1', '0')), version('1'));
      // Until it serves alone, where an interrupted run leads back to is known, and so is all that was.
      assert.deepEqual(digestsOf(again.versions), ['2', '1', '0']);
      const kept = (keepVersions?: number): readonly unknown[] => {
        const unit = version('1');
        const spec = { ...unit.spec, ...(keepVersions !== undefined && { keepVersions }) };
        return digestsOf(keptVersions({ ...unit, spec }, past('5', '1', '4', '3', '2').versions ?? []));
      };
      assert.deepEqual(kept(), ['5', '4', '3']);
      assert.deepEqual(kept(0), []);
      assert.deepEqual(kept(50), ['5', '4', '3', '2']);
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

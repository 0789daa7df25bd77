import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isPlumbstackError, Stack } from '@plumbstack/core';
import {
  contentDigest,
  contentsFolder,
  label,
  planAddresses,
  poolFiles,
  readRecord,
  recordedPool,
  recordFile,
  takenAddresses,
  versionOf,
  withContents,
  type PoolRecord,
  type RouterRecord,
} from '@plumbstack/docker/internal';
import type { InMemoryEngine } from '@plumbstack/testing';
import { emptySpace, poolOf } from '../compile/compiled';
import {
  applied,
  compare,
  configOf,
  configure,
  doings,
  labelsOf,
  lose,
  observe,
  reasonsOf,
  relist,
  type Compared,
} from './planned';
import { sample } from './sample';

/** Records that somebody, or a full disk, has damaged. */
const damaged: readonly string[] = [
  '',
  '{',
  'null',
  '5',
  '"text"',
  '[]',
  '[{}]',
  '{}',
  '{"slots":5,"replicas":3,"unit":{}}',
  '{"slots":[null],"replicas":3,"unit":{}}',
  '{"slots":[],"replicas":"3","unit":{}}',
  '{"slots":[],"replicas":3,"unit":null}',
  '{"slots":[],"replicas":3,"unit":{"addresses":[],"spec":{},"config":{},"container":{},"worker":{}}}',
  '{"active":{},"model":null}',
  '{"active":[],"model":{}}',
  '{"replicas":3}',
];

describe('the record of a proxy', () => {
  /** One for all damaged records: each takes the place of the one before. */
  let spoilt: Promise<InMemoryEngine> | undefined;

  it('of a pool gives back the whole pool, and what its files hold by digest', async () => {
    const engine = await applied(sample());
    const { desired } = await compare(engine, sample());
    const pool = poolOf(desired, 'workers');
    const found = recordedPool(await observe(engine), 'workers');
    const key = engine.secret('shop/key') ?? '';
    const digest = contentDigest(key);
    // Where its image came from belongs to its versions.
    const { source: _, ...described } = withContents(pool, (content) => ({ digest: content.digest }));
    assert.deepEqual(found, described);
    assert.deepEqual(found.worker.container.files[0]?.files[0]?.content, { digest });
    assert.deepEqual(poolFiles(found).files, poolFiles(pool).files);
    assert.deepEqual(
      poolFiles(pool).contents.map(({ path, mode, content }) => [path, mode, content.bytes?.toString()]),
      [[`${contentsFolder}/${digest}`, 0o400, key]],
    );
  });

  it('of the version before held what the files hold, and is read, and brought to this form', async () => {
    const engine = await applied(sample());
    const { desired } = await compare(engine, sample());
    const pool = poolOf(desired, 'workers');
    const { contents: _, ...record } = JSON.parse(configOf(engine, 'shop-workers', recordFile)) as PoolRecord;
    const { source: __, ...described } = pool;
    const held = withContents(described, ({ bytes }) => bytes as never);
    const older = { ...record, unit: held, before: versionOf(held) };
    await configure(engine, 'shop-workers', { [recordFile]: JSON.stringify(older) });
    const observed = await observe(engine);
    assert.deepEqual(recordedPool(observed, 'workers'), described);
    assert.equal(readRecord<PoolRecord>(observed, 'workers')?.versions?.length, 1);
    const compared = await compare(engine, sample());
    assert.deepEqual(doings(compared), ['update pool workers']);
    assert.deepEqual(reasonsOf(compared, 'workers'), {
      [`file ${recordFile}`]: ['another content', 'as described'],
    });
  });

  it('grows with the number of files, and not with what they hold', async () => {
    const recordOf = async (content: string): Promise<number> => {
      const files = Array.from({ length: 8 }, (_, index) => ({ target: `/f/${index}`, content }));
      const engine = await applied(sample({ pooled: { files } }));
      return configOf(engine, 'shop-workers', recordFile).length;
    };
    assert.equal(await recordOf('x'.repeat(1_000_000)), await recordOf('y'));
  });

  it('forgets a version whose files are lost, and nothing else', async () => {
    const engine = await applied(sample());
    const record = JSON.parse(configOf(engine, 'shop-workers', recordFile)) as PoolRecord;
    const { worker, config: pool } = record.unit;
    const before = { worker, health: pool.model.health };
    const seen = async (contents: readonly string[]): Promise<Partial<PoolRecord> | undefined> => {
      const content = JSON.stringify({ ...record, versions: [before], contents });
      await configure(engine, 'shop-workers', { [recordFile]: content });
      return readRecord<PoolRecord>(await observe(engine), 'workers');
    };
    assert.equal((await seen(record.contents))?.versions?.length, 1);
    const without = await seen([]);
    assert.equal(without?.versions, undefined);
    assert.deepEqual(without?.unit, record.unit);
    assert.deepEqual(doings(await compare(engine, sample())), ['update pool workers']);
  });

  it('leads back to nothing where the files of the version that served before an interrupted update are lost', async () => {
    const engine = await applied(sample());
    const record = JSON.parse(configOf(engine, 'shop-workers', recordFile)) as PoolRecord;
    const last = versionOf(record.unit);
    const older = { ...last, worker: { ...last.worker, container: { ...last.worker.container, files: [] } } };
    const seen = async (more: Partial<PoolRecord>): Promise<Partial<PoolRecord> | undefined> => {
      const content = JSON.stringify({ ...record, versions: [last, older], contents: [], ...more });
      await configure(engine, 'shop-workers', { [recordFile]: content });
      return readRecord<PoolRecord>(await observe(engine), 'workers');
    };
    assert.deepEqual((await seen({}))?.versions, [older]);
    assert.equal((await seen({ unsettled: 'update' }))?.versions, undefined);
  });

  it('of a router holds no hash of a password', async () => {
    const engine = await applied(sample({ hash: '$6$salt$first' }));
    const record = readRecord<RouterRecord>(await observe(engine), 'web');
    assert.deepEqual(Object.keys(record?.active ?? {}), ['site', 'workers']);
    assert.ok(!JSON.stringify(record).includes('first'));
  });

  it('can be read by root alone, and the configuration by its proxy too', async () => {
    const { desired } = await compare(await applied(sample()), sample());
    const modes = poolFiles(poolOf(desired, 'workers')).files.map(({ path, mode, uid, gid }) => [
      path,
      mode,
      uid,
      gid,
    ]);
    assert.deepEqual(modes, [
      ['haproxy.cfg', 0o440, 0, 65_532],
      [recordFile, 0o400, 0, 0],
    ]);
  });

  for (const content of damaged) {
    it(`that is ${JSON.stringify(content)} is none, and is made again`, async () => {
      const engine = await (spoilt ??= applied(sample()));
      for (const proxy of ['shop-workers', 'shop-web'])
        await configure(engine, proxy, { [recordFile]: content });
      const observed = await observe(engine);
      assert.equal(readRecord<PoolRecord>(observed, 'workers'), undefined);
      const compared = await compare(engine, sample());
      assert.deepEqual(doings(compared), ['update pool workers', 'update router web']);
      assert.throws(
        () => recordedPool(observed, 'workers'),
        (error) => isPlumbstackError(error, 'NOT_FOUND') && error.hint === 'Run up to mend it.',
      );
    });
  }

  it('of another kind of proxy is none for this one', async () => {
    const engine = await applied(sample());
    const [pool, web] = ['shop-workers', 'shop-web'].map((each) => configOf(engine, each, recordFile));
    await configure(engine, 'shop-workers', { [recordFile]: web ?? '' });
    await configure(engine, 'shop-web', { [recordFile]: pool ?? '' });
    assert.deepEqual(doings(await compare(engine, sample())), ['update pool workers', 'update router web']);
  });

  it('never throws, whatever it says', async () => {
    const engine = await applied(sample());
    const whole = configOf(engine, 'shop-workers', recordFile);
    const cut = fc.nat({ max: whole.length - 1 }).map((length) => whole.slice(0, length));
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.json(), fc.string(), cut), async (content) => {
        for (const proxy of ['shop-workers', 'shop-web'])
          await configure(engine, proxy, { [recordFile]: content });
        const { plan } = await compare(engine, sample());
        assert.ok(!plan.isEmpty);
      }),
    );
  });

  it('says which pools there are when it is asked for another', async () => {
    const observed = await observe(await applied(sample()), 'shop');
    for (const name of ['nobody', 'constructor', 'web']) {
      assert.throws(
        () => recordedPool(observed, name),
        (error) =>
          isPlumbstackError(error, 'NOT_FOUND') &&
          /has no pool/.test(error.text) &&
          error.hint === 'It has: workers.',
        name,
      );
    }
  });
});

describe('a container that has the labels of ours', () => {
  it('by an image that was made of one is none, whatever it is called', async () => {
    const engine = await applied(sample());
    const ours = await observe(engine);
    relist(engine, 'listContainers', (all) =>
      all.push(
        ...all.map((each) => ({
          ...each,
          id: `theirs-${each.id}`,
          name: `compose-${each.name}-1`,
          imageId: `sha256:${contentDigest(`made of ${each.name}`)}`,
        })),
      ),
    );
    const seen = await observe(engine);
    assert.deepEqual(seen.containers, ours.containers);
    assert.ok((await compare(engine, sample())).plan.isEmpty);
  });

  it('is ours by what it was made from, and not by its name', async () => {
    const engine = await applied(sample());
    await engine.client.renameContainer('shop-site', 'renamed');
    const named = (await observe(engine)).containers.map(({ name }) => name);
    assert.ok(named.includes('renamed'));
    relist(engine, 'listContainers', (all) => {
      for (const each of all)
        if (each.imageId !== undefined) each.imageId = each.imageId.replace('sha256:', '');
    });
    assert.deepEqual(doings(await compare(engine, sample())), ['update app site']);
  });
});

/** The plan for what is up; nothing where a container is taken for somebody else's. */
async function planOrRefusal(engine: InMemoryEngine): Promise<Compared | undefined> {
  try {
    return await compare(engine, sample());
  } catch (error) {
    assert.ok(isPlumbstackError(error, 'NOT_OURS') && error.hint !== undefined, String(error));
    return undefined;
  }
}

describe('a tampered label', () => {
  const keys = Object.values(label).filter((each) => each !== label.owner && each !== label.stack);
  const value = fc.oneof(
    fc.string(),
    fc.json(),
    fc.constantFrom(
      '',
      '-1',
      '0',
      '1e9',
      '4000000000',
      'NaN',
      'worker',
      'balancer',
      'router',
      'constructor',
      '__proto__',
      '{"ports":[null]}',
      '{"ports":{"length":3}}',
      '{"limits":null,"restart":5}',
      '[[]]',
    ),
  );

  it("makes a plan that mends, or is refused with what to do where a container seems somebody else's", async () => {
    const engine = await applied(sample());
    const names = (await observe(engine)).containers.map(({ name }) => name);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...names),
        fc.constantFrom(...keys),
        value,
        async (name, key, text) => {
          const labels = labelsOf(engine, name);
          const before = { ...labels };
          labels[key] = text;
          const planned = await planOrRefusal(engine);
          assert.equal(typeof (planned?.plan ?? '').toString(), 'string');
          const { addresses, slots } = planned?.desired.addresses ?? { addresses: {}, slots: {} };
          const all = [...Object.values(addresses), ...Object.values(slots)].flat();
          assert.equal(new Set(all).size, all.length);
          if (!(key in before)) Reflect.deleteProperty(labels, key);
          Object.assign(labels, before);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('that is missing is no reason to throw either', async () => {
    for (const key of keys) {
      const engine = await applied(sample());
      for (const { name } of (await observe(engine)).containers)
        Reflect.deleteProperty(labelsOf(engine, name), key);
      assert.notEqual((await planOrRefusal(engine))?.plan.steps.length, 0, key);
    }
  });

  it('with ports that are none leaves those that are', async () => {
    const engine = await applied(sample());
    const port = { host: '0.0.0.0', port: 443, containerPort: 8443 };
    const ports = [null, 5, {}, { ...port, port: '443' }, port];
    labelsOf(engine, 'shop-web')[label.identity] = JSON.stringify({ ports });
    const web = (await observe(engine)).containers.find(({ name }) => name === 'shop-web');
    assert.deepEqual(web?.identityPorts, [port]);
  });

  it('with a slot beyond all is none', async () => {
    const engine = await applied(sample());
    labelsOf(engine, 'shop-workers-3')[label.worker] = '999999999';
    const { containers } = await observe(engine);
    assert.equal(containers.find(({ name }) => name === 'shop-workers-3')?.worker, undefined);
  });
});

describe('the addresses that are taken', () => {
  it('are those of the containers, and of every slot and successor that a pool remembers', async () => {
    const engine = await applied(sample());
    const { desired } = await compare(engine, sample());
    const { subnets, addresses, slots, guests } = takenAddresses(await observe(engine));
    const planned = desired.addresses;
    assert.deepEqual(subnets, Object.fromEntries(planned.networks.map(({ name, subnet }) => [name, subnet])));
    // The database, where the site looks for it.
    assert.deepEqual(guests['shop_site'], planned.guests['db']?.[0]?.addresses);
    assert.deepEqual(slots, planned.slots);
    assert.deepEqual(addresses['workers'], planned.addresses['workers']);
    assert.deepEqual(addresses['site'], planned.addresses['site']?.slice(0, 1));
  });

  it('are those of the workers where the record is lost, each on its slot', async () => {
    const engine = await applied(sample());
    const { desired } = await compare(engine, sample());
    lose(engine);
    engine.remove('shop-workers-2');
    const { slots } = takenAddresses(await observe(engine));
    const [first, , third] = desired.addresses.slots['workers'] ?? [];
    assert.deepEqual(slots['workers'], [first, undefined, third]);
  });

  it('know of a worker that started before its slot was written down', async () => {
    const engine = await applied(sample({ pool: { replicas: 15 } }));
    const { desired } = await compare(engine, sample({ pool: { replicas: 20 } }));
    const [, , , ...later] = desired.addresses.slots['workers'] ?? [];
    const last = later.at(-1) ?? '';
    const number = String(later.length + 3);
    const late = { [label.worker]: number, [label.address]: last };
    relist(engine, 'listContainers', (all) => {
      const labels = { ...labelsOf(engine, 'shop-workers-1'), ...late };
      all.push({
        ...all.find(({ name }) => name === 'shop-workers-1'),
        id: 'late',
        name: `shop-workers-${number}`,
        labels,
      });
    });
    const taken = takenAddresses(await observe(engine));
    assert.equal(taken.slots['workers']?.[Number(number) - 1], last);
    const again = planAddresses(sample({ pool: { replicas: 20 } }), taken, emptySpace);
    assert.equal(again.slots['workers']?.[Number(number) - 1], last);
  });

  it('are told of a resource called as what every object has like of any other', async () => {
    const stack = new Stack('shop');
    const pool = stack.pool('constructor', { app: stack.app('api', { image: 'api' }) });
    stack.router('web', { publish: 80 }).route('/', pool);
    const spec = stack.toSpec();
    const compared = await compare(await applied(spec), spec);
    assert.ok(compared.plan.isEmpty, compared.plan.toString());
    const engine = await applied(spec);
    lose(engine);
    assert.deepEqual(doings(await compare(engine, spec)), ['update pool constructor', 'update router web']);
  });
});

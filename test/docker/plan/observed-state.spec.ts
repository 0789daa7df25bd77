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
import { emptySpace, poolOf, secretMarker } from '../compile/compiled';
import { applied, compare, configOf, doings, observe, reasonsOf, tamper } from './picture';
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
  it('of a pool gives back the whole pool, and what its files hold by digest', async () => {
    const picture = await applied(sample());
    const { desired } = await compare(picture, sample());
    const pool = poolOf(desired, 'workers');
    const found = recordedPool(await observe(picture, 'shop'), 'workers');
    const digest = contentDigest(`${secretMarker}key`);
    assert.deepEqual(
      found,
      withContents(pool, (content) => ({ digest: content.digest })),
    );
    assert.deepEqual(found.worker.container.files[0]?.files[0]?.content, { digest });
    assert.deepEqual(poolFiles(found).files, poolFiles(pool).files);
    assert.deepEqual(
      poolFiles(pool).contents.map(({ path, mode, content }) => [path, mode, content.bytes?.toString()]),
      [[`${contentsFolder}/${digest}`, 0o400, `${secretMarker}key`]],
    );
  });

  it('of the version before held what the files hold, and is read, and brought to this form', async () => {
    const picture = await applied(sample());
    const { desired } = await compare(picture, sample());
    const pool = poolOf(desired, 'workers');
    const config = configOf(picture, 'shop-workers');
    const { contents: _, ...record } = JSON.parse(config.get(recordFile)?.toString() ?? '') as PoolRecord;
    const held = withContents(pool, ({ bytes }) => bytes as never);
    const older = { ...record, unit: held, before: versionOf(held) };
    config.set(recordFile, Buffer.from(JSON.stringify(older)));
    const observed = await observe(picture, 'shop');
    assert.deepEqual(recordedPool(observed, 'workers'), pool);
    assert.ok(readRecord<PoolRecord>(observed, 'workers')?.before !== undefined);
    const compared = await compare(picture, sample());
    assert.deepEqual(doings(compared), ['update pool workers']);
    assert.deepEqual(reasonsOf(compared, 'workers'), {
      [`file ${recordFile}`]: ['another content', 'as described'],
    });
  });

  it('grows with the number of files, and not with what they hold', async () => {
    const recordOf = async (content: string): Promise<number> => {
      const files = Array.from({ length: 8 }, (_, index) => ({ target: `/f/${index}`, content }));
      const picture = await applied(sample({ pooled: { files } }));
      return configOf(picture, 'shop-workers').get(recordFile)?.length ?? 0;
    };
    assert.equal(await recordOf('x'.repeat(1_000_000)), await recordOf('y'));
  });

  it('forgets a version whose files are lost, and nothing else', async () => {
    const picture = await applied(sample());
    const config = configOf(picture, 'shop-workers');
    const record = JSON.parse(config.get(recordFile)?.toString() ?? '') as PoolRecord;
    const { worker, config: pool } = record.unit;
    const before = { worker, health: pool.model.health };
    const seen = async (contents: readonly string[]): Promise<Partial<PoolRecord> | undefined> => {
      config.set(recordFile, Buffer.from(JSON.stringify({ ...record, before, contents })));
      return readRecord<PoolRecord>(await observe(picture, 'shop'), 'workers');
    };
    assert.ok((await seen(record.contents))?.before !== undefined);
    const without = await seen([]);
    assert.equal(without?.before, undefined);
    assert.deepEqual(without?.unit, record.unit);
    assert.deepEqual(doings(await compare(picture, sample())), ['update pool workers']);
  });

  it('of a router holds no hash of a password', async () => {
    const picture = await applied(sample({ hash: '$6$salt$first' }));
    const record = readRecord<RouterRecord>(await observe(picture, 'shop'), 'web');
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
      const picture = await applied(sample());
      for (const proxy of ['shop-workers', 'shop-web'])
        configOf(picture, proxy).set(recordFile, Buffer.from(content));
      const observed = await observe(picture, 'shop');
      assert.equal(readRecord<PoolRecord>(observed, 'workers'), undefined);
      const compared = await compare(picture, sample());
      assert.deepEqual(doings(compared), ['update pool workers', 'update router web']);
      assert.throws(
        () => recordedPool(observed, 'workers'),
        (error) => isPlumbstackError(error, 'NOT_FOUND') && error.hint === 'Run up to mend it.',
      );
    });
  }

  it('of another kind of proxy is none for this one', async () => {
    const picture = await applied(sample());
    const [pool, web] = [configOf(picture, 'shop-workers'), configOf(picture, 'shop-web')];
    const records = [pool.get(recordFile), web.get(recordFile)] as const;
    pool.set(recordFile, records[1] ?? Buffer.alloc(0));
    web.set(recordFile, records[0] ?? Buffer.alloc(0));
    assert.deepEqual(doings(await compare(picture, sample())), ['update pool workers', 'update router web']);
  });

  it('never throws, whatever it says', async () => {
    const picture = await applied(sample());
    const whole = configOf(picture, 'shop-workers').get(recordFile)?.toString() ?? '';
    const cut = fc.nat({ max: whole.length - 1 }).map((length) => whole.slice(0, length));
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.json(), fc.string(), cut), async (content) => {
        for (const proxy of ['shop-workers', 'shop-web'])
          configOf(picture, proxy).set(recordFile, Buffer.from(content));
        const { plan } = await compare(picture, sample());
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
    const picture = await applied(sample());
    const ours = await observe(picture, 'shop');
    const theirs = picture.containers.map((each, index) => ({
      ...each,
      id: `theirs-${index}`,
      name: `compose-${each.name}-1`,
      imageId: `sha256:${contentDigest(`made of ${each.name}`)}`,
    }));
    picture.containers.push(...theirs);
    const seen = await observe(picture, 'shop');
    assert.deepEqual(seen.containers, ours.containers);
    assert.ok((await compare(picture, sample())).plan.isEmpty);
  });

  it('is ours by what it was made from, and not by its name', async () => {
    const picture = await applied(sample());
    tamper(picture, 'shop-site', () => ({ name: 'renamed' }));
    const named = (await observe(picture, 'shop')).containers.map(({ name }) => name);
    assert.ok(named.includes('renamed'));
    for (const write of [(id: string) => id.replace('sha256:', ''), (id: string) => id])
      tamper(picture, 'renamed', ({ imageId }) => ({ imageId: write(imageId) }));
    assert.deepEqual(doings(await compare(picture, sample())), ['update app site']);
  });
});

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

  it('never makes a plan throw, and always makes one that mends', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.constantFrom(...keys), value, async (which, key, text) => {
        const picture = await applied(sample());
        const chosen = picture.containers[which % picture.containers.length];
        assert.ok(chosen !== undefined);
        tamper(picture, chosen.name, ({ labels }) => ({ labels: { ...labels, [key]: text } }));
        const { plan, desired } = await compare(picture, sample());
        assert.equal(typeof plan.toString(), 'string');
        const { addresses, slots } = desired.addresses;
        const all = [...Object.values(addresses), ...Object.values(slots)].flat();
        assert.equal(new Set(all).size, all.length);
      }),
      { numRuns: 300 },
    );
  });

  it('that is missing is no reason to throw either', async () => {
    for (const key of keys) {
      const picture = await applied(sample());
      for (const { name } of picture.containers) {
        tamper(picture, name, ({ labels }) => {
          const { [key]: _, ...rest } = labels;
          return { labels: rest };
        });
      }
      assert.ok((await compare(picture, sample())).plan.steps.length > 0, key);
    }
  });

  it('with ports that are none leaves those that are', async () => {
    const picture = await applied(sample());
    const port = { host: '0.0.0.0', port: 443, containerPort: 8443 };
    const ports = [null, 5, {}, { ...port, port: '443' }, port];
    tamper(picture, 'shop-web', ({ labels }) => ({
      labels: { ...labels, [label.identity]: JSON.stringify({ ports }) },
    }));
    const web = (await observe(picture, 'shop')).containers.find(({ name }) => name === 'shop-web');
    assert.deepEqual(web?.identityPorts, [port]);
  });

  it('with a slot beyond all is none', async () => {
    const picture = await applied(sample());
    tamper(picture, 'shop-workers-3', ({ labels }) => ({
      labels: { ...labels, [label.worker]: '999999999' },
    }));
    const { containers } = await observe(picture, 'shop');
    assert.equal(containers.find(({ name }) => name === 'shop-workers-3')?.worker, undefined);
  });
});

describe('the addresses that are taken', () => {
  it('are those of the containers, and of every slot and successor that a pool remembers', async () => {
    const picture = await applied(sample());
    const { desired } = await compare(picture, sample());
    const { subnets, addresses, slots, guests } = takenAddresses(await observe(picture, 'shop'));
    const planned = desired.addresses;
    assert.deepEqual(subnets, Object.fromEntries(planned.networks.map(({ name, subnet }) => [name, subnet])));
    // The database, where the site looks for it.
    assert.deepEqual(guests['shop_site'], planned.guests['db']?.[0]?.addresses);
    assert.deepEqual(slots, planned.slots);
    assert.deepEqual(addresses['workers'], planned.addresses['workers']);
    assert.deepEqual(addresses['site'], planned.addresses['site']?.slice(0, 1));
  });

  it('are those of the workers where the record is lost, each on its slot', async () => {
    const picture = await applied(sample());
    const { desired } = await compare(picture, sample());
    picture.configs.clear();
    picture.containers = picture.containers.filter(({ name }) => name !== 'shop-workers-2');
    const { slots } = takenAddresses(await observe(picture, 'shop'));
    const [first, , third] = desired.addresses.slots['workers'] ?? [];
    assert.deepEqual(slots['workers'], [first, undefined, third]);
  });

  it('know of a worker that started before its slot was written down', async () => {
    const picture = await applied(sample({ pool: { replicas: 15 } }));
    const { desired } = await compare(picture, sample({ pool: { replicas: 20 } }));
    const [, , , ...later] = desired.addresses.slots['workers'] ?? [];
    const last = later.at(-1) ?? '';
    const number = String(later.length + 3);
    const one = picture.containers.find(({ name }) => name === 'shop-workers-1');
    assert.ok(one !== undefined);
    const labels = { ...one.labels, [label.worker]: number, [label.address]: last };
    picture.containers.push({ ...one, id: 'late', name: `shop-workers-${number}`, labels });
    const taken = takenAddresses(await observe(picture, 'shop'));
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
    const picture = await applied(spec);
    picture.configs.clear();
    assert.deepEqual(doings(await compare(picture, spec)), ['update pool constructor', 'update router web']);
  });
});

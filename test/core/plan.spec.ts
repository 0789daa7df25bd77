import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createPlan, isPlumbstackError, readPlan, type Step } from '@plumbstack/core';
import { refusalOf } from './refusal';

const step = (given: Partial<Step> = {}): Step => ({
  action: 'create',
  resource: 's/a',
  kind: 'app',
  reasons: [],
  ...given,
});

const arbitraryStep = fc.record(
  {
    action: fc.constantFrom('create', 'update', 'replace', 'delete', 'keep'),
    resource: fc.string(),
    kind: fc.constantFrom('network', 'volume', 'secret', 'image', 'app', 'service', 'pool', 'router'),
    reasons: fc.array(
      fc.record({ path: fc.string(), from: fc.jsonValue(), to: fc.jsonValue() }, { requiredKeys: ['path'] }),
    ),
    impact: fc.string(),
  },
  { requiredKeys: ['action', 'resource', 'kind', 'reasons'] },
) as fc.Arbitrary<Step>;

describe('a Plan', () => {
  it('is read back from its JSON', () => {
    fc.assert(
      fc.property(fc.string(), fc.array(arbitraryStep), fc.string(), (stack, steps, fingerprint) => {
        const plan = createPlan(stack, steps, fingerprint);
        const read = readPlan(JSON.parse(JSON.stringify(plan)));
        assert.equal(JSON.stringify(read), JSON.stringify(plan));
        assert.equal(read.toString(), plan.toString());
        assert.equal(read.isEmpty, plan.isEmpty);
      }),
    );
  });

  it('is refused with an error of its own where the JSON is none', () => {
    const plan = { schemaVersion: 1, stack: 's', fingerprint: 'f', steps: [step()] };
    readPlan(plan);
    for (const wrong of [
      undefined,
      null,
      'plan',
      [],
      {},
      { ...plan, schemaVersion: 2 },
      { ...plan, stack: 5 },
      { ...plan, fingerprint: undefined },
      { ...plan, steps: {} },
      { ...plan, steps: [null] },
      { ...plan, steps: [{ ...step(), action: 'explode' }] },
      { ...plan, steps: [{ ...step(), kind: 'container' }] },
      { ...plan, steps: [{ ...step(), reasons: undefined }] },
      { ...plan, steps: [{ ...step(), reasons: [null] }] },
      { ...plan, steps: [{ ...step(), reasons: [{ from: 1 }] }] },
      { ...plan, steps: [{ ...step(), impact: 5 }] },
    ]) {
      refusalOf(() => readPlan(wrong));
    }
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        try {
          readPlan(json);
        } catch (error) {
          assert.ok(isPlumbstackError(error, 'INVALID_OPTION'));
        }
      }),
    );
  });

  it('is empty when everything is kept', () => {
    assert.ok(createPlan('s', [], 'f').isEmpty);
    assert.ok(createPlan('s', [step({ action: 'keep' })], 'f').isEmpty);
    assert.ok(!createPlan('s', [step({ action: 'keep' }), step()], 'f').isEmpty);
    assert.ok(
      !readPlan({ schemaVersion: 1, stack: 's', fingerprint: 'f', steps: [step()], isEmpty: true }).isEmpty,
    );
  });

  it('says in words what would be done, and why', () => {
    const plan = createPlan(
      's',
      [
        step({ kind: 'network', resource: 's', reasons: [{ path: 'network' }] }),
        step({
          action: 'replace',
          reasons: [
            { path: 'env.LEVEL', from: 'info', to: 'debug' },
            { path: 'init', to: false },
          ],
        }),
        step({
          action: 'update',
          resource: 's/web',
          kind: 'router',
          reasons: [{ path: 'routes', from: 1, to: 2 }],
        }),
        step({ action: 'delete', resource: 's/old', impact: 'its address is gone' }),
        step({ action: 'keep', resource: 's/db', kind: 'service' }),
      ],
      'f',
    );
    assert.equal(
      plan.toString(),
      [
        's: 1 to create, 1 to update, 1 to replace, 1 to delete, 1 to keep',
        '  + create  network s',
        '  ± replace app s/a',
        '      env.LEVEL: info -> debug',
        '      init: unset -> false',
        '  ~ update  router s/web',
        '      routes: 1 -> 2',
        '  - delete  app s/old  (its address is gone)',
      ].join('\n'),
    );
  });

  it('says that there is nothing to do', () => {
    assert.equal(
      createPlan('s', [step({ action: 'keep' })], 'f').toString(),
      's: nothing to do; 1 resource is as described.',
    );
    const two = [step({ action: 'keep' }), step({ action: 'keep' })];
    assert.equal(createPlan('s', two, 'f').toString(), 's: nothing to do; 2 resources are as described.');
  });

  it('shows every value on one line, with nothing in it that a terminal would act on', () => {
    const shown = (to: unknown): string =>
      createPlan('s', [step({ action: 'update', reasons: [{ path: 'x', from: 'a', to }] })], 'f')
        .toString()
        .split('\n')[2] ?? '';
    assert.equal(shown('two words'), '      x: a -> two words');
    assert.equal(shown('\u001b[2Jgone'), '      x: a -> "\\u001b[2Jgone"');
    assert.equal(shown('one\ntwo'), '      x: a -> "one\\ntwo"');
    assert.equal(shown(''), '      x: a -> ""');
    assert.equal(shown(' a'), '      x: a -> " a"');
    assert.equal(shown({ a: [1] }), '      x: a -> {"a":[1]}');
    assert.equal(shown('x'.repeat(300)).length, '      x: a -> '.length + 200);
  });
});

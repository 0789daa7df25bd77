import assert from 'node:assert/strict';
import fc from 'fast-check';
import { addressesOverlap, Stack, type Publish, type StackSpec } from '@plumbstack/core';
import {
  choosePorts,
  label,
  observedContainer,
  publishedBy,
  withFronts,
  type ObservedState,
} from '@plumbstack/docker/internal';

interface Place {
  readonly host: string;
  readonly port: number;
}

const stackOf = (apps: Readonly<Record<string, Publish>>): StackSpec => {
  const stack = new Stack('s');
  for (const [name, publish] of Object.entries(apps)) stack.app(name, { image: 'a', publish });
  return withFronts(stack.toSpec());
};

/** Where everything of a spec is bound with these ports. */
function places(spec: StackSpec, chosen: Readonly<Record<string, number>>): readonly Place[] {
  return spec.resources
    .flatMap(publishedBy)
    .map(({ key, host, port }) => ({ host, port: port === 0 ? (chosen[key] ?? 0) : port }));
}

function assertApart(all: readonly Place[]): void {
  all.forEach((one, index) => {
    assert.ok(one.port > 0, JSON.stringify(all));
    const other = all
      .slice(0, index)
      .find(({ host, port }) => port === one.port && addressesOverlap(host, one.host));
    assert.equal(other, undefined, `${JSON.stringify(one)} is there twice`);
  });
}

/** Gives one of few ports, so that the same comes again and again. */
const one = (of: number): (() => Promise<number>) => {
  let calls = 0;
  return () => Promise.resolve(40_000 + (calls++ % of));
};

describe('the ports of what is published at any free one', () => {
  /** What is seen of a program that is up with these ports. */
  const seen = ({ resources }: StackSpec, chosen: Readonly<Record<string, number>>): ObservedState => ({
    ...{ stack: 's', networks: [], otherNetworks: [], volumes: [], settings: {}, configs: {} },
    containers: resources.map((each) => {
      const ports = publishedBy(each).map(({ key, port, ...rest }) => ({
        ...rest,
        port: chosen[key] ?? port,
      }));
      const labels = { [label.resource]: each.name, [label.identity]: JSON.stringify({ ports }) };
      const none = { image: '', imageId: '', createdAt: '', networks: {}, ports: [] };
      return observedContainer({ ...none, id: each.name, name: each.name, state: 'running', labels });
    }),
  });
  const nothing = seen({ ...stackOf({}), resources: [] }, {});
  const chosenFor = async (
    spec: StackSpec,
    before?: StackSpec,
    free = one(200),
  ): Promise<readonly Place[]> => {
    const there = before === undefined ? nothing : seen(before, await choosePorts(before, nothing, one(200)));
    return places(spec, await choosePorts(spec, there, free));
  };

  it('are others for each of a hundred apps, though the machine names one again', async () => {
    const apps = stackOf(Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`a${i}`, 0])));
    const again = (): (() => Promise<number>) => {
      let calls = 0;
      return () => Promise.resolve(40_000 + Math.floor(calls++ / 3));
    };
    const chosen = await chosenFor(apps, undefined, again());
    assert.equal(chosen.length, 100);
    assertApart(chosen);
  });

  it('are none that the program names, before or after', async () => {
    const spec = stackOf({ a: 40_000, b: 0, c: { port: 40_001, host: '0.0.0.0' }, d: 0 });
    assertApart(await chosenFor(spec));
  });

  it('may have one number at two addresses', async () => {
    const spec = stackOf({ a: { port: 0, host: '127.0.0.1' }, b: { port: 0, host: '127.0.0.2' } });
    const chosen = await chosenFor(spec, undefined, () => Promise.resolve(40_000));
    assert.deepEqual(chosen, [
      { host: '127.0.0.1', port: 40_000 },
      { host: '127.0.0.2', port: 40_000 },
    ]);
  });

  it('are told where none is left', async () => {
    await assert.rejects(
      chosenFor(stackOf({ a: 0, b: 0 }), undefined, () => Promise.resolve(40_000)),
      /PORT_IN_USE: s\/b: no free port of 127\.0\.0\.1/,
    );
  });

  const kept: readonly Publish[] = [
    0,
    [0, 0],
    [
      { port: 8080, host: '127.0.0.1' },
      { port: 0, host: '127.0.0.2' },
    ],
    [
      { port: 0, host: '127.0.0.2' },
      { port: 8080, host: '127.0.0.1' },
    ],
    [8080, 0, 0],
    [
      { port: 0, containerPort: 1 },
      { port: 0, containerPort: 2 },
      { port: 8080, containerPort: 1 },
    ],
  ];
  for (const publish of kept) {
    it(`stay what they are: ${JSON.stringify(publish)}`, async () => {
      const spec = stackOf({ a: publish });
      const first = await chosenFor(spec);
      assertApart(first);
      const again = await chosenFor(spec, spec, () => assert.fail('another port is asked for'));
      assert.deepEqual(again, first);
    });
  }

  it('go along to another address', async () => {
    const before = stackOf({ a: 0 });
    const [port] = (await chosenFor(before)).map((each) => each.port);
    assert.deepEqual(await chosenFor(stackOf({ a: { port: 0, host: '0.0.0.0' } }), before), [
      { host: '0.0.0.0', port },
    ]);
  });

  it('give way to a port that the program names from now on', async () => {
    const before = stackOf({ a: 0 });
    const [port = 0] = (await chosenFor(before)).map((each) => each.port);
    assertApart(await chosenFor(stackOf({ a: 0, b: port }), before));
  });

  it('never meet, whatever is published, and stay in the next look', async () => {
    const host = fc.constantFrom('127.0.0.1', '127.0.0.2', '0.0.0.0', '::1', '::');
    const published = fc.record({ port: fc.constantFrom(0, 0, 0, 40_001, 40_003), host });
    const program = fc
      .array(fc.array(published, { maxLength: 3 }), { minLength: 1, maxLength: 5 })
      .map((all) => {
        // What names one port twice is refused before.
        const seen: Place[] = [];
        return all.map((list) =>
          list.filter((each) => {
            const isTwice = seen.some(
              (one) => one.port === each.port && addressesOverlap(one.host, each.host),
            );
            if (each.port !== 0 && !isTwice) seen.push(each);
            return each.port === 0 || !isTwice;
          }),
        );
      })
      .map((all) => stackOf(Object.fromEntries(all.map((list, index) => [`a${index}`, list]))));
    await fc.assert(
      fc.asyncProperty(program, program, async (spec, next) => {
        const first = await chosenFor(spec);
        assertApart(first);
        assert.deepEqual(await chosenFor(spec, spec), first);
        assertApart(await chosenFor(next, spec));
      }),
      { numRuns: 50 },
    );
  });
});

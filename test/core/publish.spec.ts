import assert from 'node:assert/strict';
import { Stack, type PublishSpec } from '@plumbstack/core';
import { problemsOf, refusedPath } from './refusal';

const publishOf = (publish: unknown): readonly PublishSpec[] =>
  new Stack('s').app('a', { image: 'a', publish: publish as never }).toSpec().publish;

describe('publish', () => {
  it('is a port, its options, or several', () => {
    const here = { host: '127.0.0.1', containerPort: 8000 };
    assert.deepEqual(publishOf(undefined), []);
    assert.deepEqual(publishOf([]), []);
    assert.deepEqual(publishOf(80), [{ port: 80, ...here }]);
    assert.deepEqual(publishOf([80]), [{ port: 80, ...here }]);
    assert.deepEqual(publishOf(0), [{ port: 0, ...here }]);
    assert.deepEqual(publishOf([-0]), [{ port: 0, ...here }], 'no -0, which JSON does not have');
    assert.deepEqual(publishOf({ port: 80, host: '0.0.0.0' }), [
      { port: 80, host: '0.0.0.0', containerPort: 8000 },
    ]);
    assert.deepEqual(publishOf([80, { port: 81, containerPort: 9000 }]), [
      { port: 80, ...here },
      { port: 81, host: '127.0.0.1', containerPort: 9000 },
    ]);
  });

  for (const [given, path] of [
    ['80', ''],
    ['80:80', ''],
    [65_536, ''],
    [-1, ''],
    [80.5, ''],
    [null, ''],
    [{}, '.port'],
    [{ host: '0.0.0.0' }, '.port'],
    [{ port: '80' }, '.port'],
    [{ port: 80, containerPort: 0 }, '.containerPort'],
    [{ port: 80, protocol: 'udp' }, '.protocol'],
    [[80, '81'], '[1]'],
  ] as const) {
    it(`refuses ${JSON.stringify(given)} at publish${path}`, () => {
      assert.equal(
        refusedPath(() => publishOf(given)),
        `a.publish${path}`,
      );
    });
  }

  for (const [host, canonical] of [
    ['127.0.0.1', '127.0.0.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['2001:DB8::1', '2001:db8::1'],
    ['2001:0db8:0000:0000:0001:0000:0000:0001', '2001:db8::1:0:0:1'],
    ['1:0:2:0:0:3:0:0', '1:0:2::3:0:0'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['fe80::', 'fe80::'],
    ['::ffff:192.0.2.1', '::ffff:c000:201'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ] as const) {
    it(`binds ${host}, written ${canonical}`, () => {
      assert.equal(publishOf({ port: 80, host })[0]?.host, canonical);
      assert.equal(publishOf({ port: 80, host: canonical })[0]?.host, canonical, 'what is canonical stays');
    });
  }

  for (const host of [
    '',
    'localhost',
    'example.org',
    '*',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4 ',
    '1.2.3.4\n',
    '1.2.3.',
    '.1.2.3',
    '0x7f.0.0.1',
    '127.1',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    ':1:2:3:4:5:6:7',
    '12345::',
    'g::1',
    '[::1]',
    'fe80::1%eth0',
    '::1.2.3',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '10.0.0.0/8',
  ]) {
    it(`does not bind ${JSON.stringify(host)}`, () => {
      assert.equal(
        refusedPath(() => publishOf({ port: 80, host })),
        'a.publish.host',
      );
    });
  }
});

describe('one host port', () => {
  const both = (a: string, b: string): Stack => {
    const stack = new Stack('s');
    stack.app('a', { image: 'a', publish: { port: 80, host: a } });
    stack.app('b', { image: 'a', publish: { port: 80, host: b } });
    return stack;
  };

  for (const [a, b] of [
    ['127.0.0.1', '127.0.0.1'],
    ['0.0.0.0', '127.0.0.1'],
    ['10.0.0.1', '0.0.0.0'],
    ['::', '::1'],
    ['::1', '0:0:0:0:0:0:0:1'],
  ] as const) {
    it(`is not published at both ${a} and ${b}`, () => {
      const problems = problemsOf(both(a, b));
      assert.deepEqual(
        problems.map(({ path, message }) => [path, message]),
        [['b.publish', 'publishes port 80, which a.publish publishes too']],
      );
    });
  }

  for (const [a, b] of [
    ['127.0.0.1', '127.0.0.2'],
    ['0.0.0.0', '::'],
    ['127.0.0.1', '::1'],
    ['0.0.0.0', '::1'],
  ] as const) {
    it(`may be published at both ${a} and ${b}`, () => {
      both(a, b).validate();
    });
  }

  it('may be any free one any number of times', () => {
    const stack = new Stack('s');
    stack.app('a', { image: 'a', publish: [0, 0] });
    stack.app('b', { image: 'a', publish: 0 });
    stack.validate();
  });
});

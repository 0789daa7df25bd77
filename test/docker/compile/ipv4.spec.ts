import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  contains,
  formatAddress,
  formatSubnet,
  isIPv4Address,
  isIPv4Subnet,
  overlap,
  parseAddress,
  parseSubnet,
  sizeOf,
  type Subnet,
} from '@plumbstack/docker/internal';

const address = fc.ipV4();
const cidr = fc.tuple(address, fc.integer({ min: 0, max: 32 })).map(([base, prefix]) => `${base}/${prefix}`);
const numbers = (subnet: Subnet): readonly [number, number] => [
  subnet.base,
  subnet.base + sizeOf(subnet) - 1,
];

describe('IPv4 arithmetic', () => {
  it('reads an address and writes the same one', () => {
    fc.assert(fc.property(address, (text) => assert.equal(formatAddress(parseAddress(text)), text)));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (number) =>
        assert.equal(parseAddress(formatAddress(number)), number),
      ),
    );
  });

  it('counts addresses as unsigned numbers', () => {
    assert.equal(parseAddress('0.0.0.0'), 0);
    assert.equal(parseAddress('10.0.0.1'), 167_772_161);
    assert.equal(parseAddress('128.0.0.0'), 2 ** 31);
    assert.equal(parseAddress('255.255.255.255'), 2 ** 32 - 1);
  });

  for (const [text, first, last] of [
    ['10.208.0.0/22', '10.208.0.0', '10.208.3.255'],
    ['192.168.1.77/24', '192.168.1.0', '192.168.1.255'],
    ['10.20.30.40/32', '10.20.30.40', '10.20.30.40'],
    ['10.20.30.40', '10.20.30.40', '10.20.30.40'],
    ['200.1.2.3/1', '128.0.0.0', '255.255.255.255'],
    ['1.2.3.4/0', '0.0.0.0', '255.255.255.255'],
  ] as const) {
    it(`takes ${text} for ${first} to ${last}`, () => {
      assert.deepEqual(numbers(parseSubnet(text)).map(formatAddress), [first, last]);
    });
  }

  it('writes a network as its first address, and reads that back', () => {
    fc.assert(
      fc.property(cidr, (text) => {
        const subnet = parseSubnet(text);
        assert.deepEqual(parseSubnet(formatSubnet(subnet)), subnet);
        assert.ok(contains(subnet, parseAddress(text.split('/')[0] ?? '')));
      }),
    );
  });

  it('says that two networks overlap exactly where an address is in both', () => {
    const near = fc
      .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 24, max: 32 }))
      .map(([last, prefix]) => parseSubnet(`10.0.0.${last}/${prefix}`));
    fc.assert(
      fc.property(near, near, (a, b) => {
        const [first, end] = numbers(a);
        const shared = Array.from({ length: end - first + 1 }, (_, index) => first + index);
        assert.equal(
          overlap(a, b),
          shared.some((each) => contains(b, each)),
        );
      }),
    );
  });

  for (const [text, is] of [
    ['10.0.0.1', true],
    ['255.255.255.255', true],
    ['256.0.0.1', false],
    ['10.0.0.01', false],
    ['10.0.0', false],
    ['10.0.0.1.2', false],
    ['10.0.0.1 ', false],
    ['fd00::1', false],
    ['[]', false],
    ['', false],
  ] as const) {
    it(`takes ${JSON.stringify(text)} ${is ? '' : 'not '}for an IPv4 address`, () => {
      assert.equal(isIPv4Address(text), is);
    });
  }

  for (const [text, is] of [
    ['10.0.0.0/22', true],
    ['fd00::/64', false],
    ['', false],
    ['10.0.0.0', false],
    ['::ffff:10.0.0.0/96', false],
  ] as const) {
    it(`takes ${JSON.stringify(text)} ${is ? '' : 'not '}for an IPv4 network`, () => {
      assert.equal(isIPv4Subnet(text), is);
    });
  }
});

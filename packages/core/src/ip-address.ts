import { refuse, type Check } from './check.js';

/** An address as its bits: 4 octets or 8 groups of 16 bits. */
interface Address {
  readonly version: 4 | 6;
  readonly parts: readonly number[];
}

const bitsOf = { 4: 32, 6: 128 } as const;

/** No leading zeros: some readers take `010` for 8. */
const octet = /^(?:0|[1-9]\d{0,2})$/;
const group = /^[0-9a-fA-F]{1,4}$/;

function parse4(text: string): Address | undefined {
  const octets = text.split('.');
  if (octets.length !== 4 || !octets.every((each) => octet.test(each) && Number(each) <= 255))
    return undefined;
  return { version: 4, parts: octets.map(Number) };
}

/** RFC 4291, section 2.2: groups, one `::` for zeros, an IPv4 address for the last two. No zone: it names an interface. */
function parse6(text: string): Address | undefined {
  if (text.length > 45 || !text.includes(':')) return undefined;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half, index) => groups(half, index === halves.length - 1));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const parts = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  return parts.some(Number.isNaN) ? undefined : { version: 6, parts };
}

/** The numbers of groups between colons; NaN stands for what is none. */
function groups(text: string, last: boolean): readonly number[] {
  if (text === '') return [];
  const written = text.split(':');
  return written.flatMap((each, index) => {
    const embedded = last && index === written.length - 1 ? parse4(each) : undefined;
    if (embedded !== undefined) {
      const [a = 0, b = 0, c = 0, d = 0] = embedded.parts;
      return [a * 256 + b, c * 256 + d];
    }
    return [group.test(each) ? parseInt(each, 16) : NaN];
  });
}

function parse(text: string): Address | undefined {
  return text.length > 45 ? undefined : (parse4(text) ?? parse6(text));
}

/** One way to write each address: for IPv6 RFC 5952, so that equal addresses are equal strings. */
function format({ version, parts }: Address): string {
  if (version === 4) return parts.join('.');
  const runs = parts.map((_, start) => {
    const end = parts.findIndex((each, index) => index >= start && each !== 0);
    return { start, length: (end < 0 ? parts.length : end) - start };
  });
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best));
  const hex = parts.map((each) => each.toString(16));
  if (longest.length < 2) return hex.join(':');
  return `${hex.slice(0, longest.start).join(':')}::${hex.slice(longest.start + longest.length).join(':')}`;
}

/** Whether an address, as {@link ipAddress} gave it, is of IPv6. */
export function isIpv6(address: string): boolean {
  return address.includes(':');
}

/** An IPv4 or IPv6 address, in its one canonical form. */
export const ipAddress: Check<string> = (value, path) => {
  const address = typeof value === 'string' ? parse(value) : undefined;
  if (address === undefined) refuse(path, 'an IP address, such as "127.0.0.1" or "::1"', value);
  return format(address);
};

interface Network {
  readonly address: Address;
  /** Bits that all of its addresses share. */
  readonly length: number;
}

function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf('/');
  const address = parse(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const bits = bitsOf[address.version];
  if (slash < 0) return { address, length: bits };
  const length = text.slice(slash + 1);
  return octet.test(length) && Number(length) <= bits ? { address, length: Number(length) } : undefined;
}

/** Whether no bit is set behind a network's own: `10.0.0.0/8`, not `10.0.0.1/8`. */
function isFirst({ address, length }: Network): boolean {
  const width = bitsOf[address.version] / address.parts.length;
  return address.parts.every((part, index) => {
    const free = Math.min(width, Math.max(0, (index + 1) * width - length));
    return part % 2 ** free === 0;
  });
}

/** An address or a network in CIDR form, in canonical form. */
export const ipNetwork: Check<string> = (value, path) => {
  const network = typeof value === 'string' ? parseNetwork(value) : undefined;
  if (network === undefined || !isFirst(network)) {
    refuse(path, 'an IP address, or a network by its first address, such as "10.0.0.0/8"', value);
  }
  return `${format(network.address)}${(value as string).includes('/') ? `/${network.length}` : ''}`;
};

/** An IPv4 network whose prefix length lies in a range. */
export function ipv4Network(min: number, max: number): Check<string> {
  const wanted = `an IPv4 network from /${min} to /${max} by its first address, such as "10.20.0.0/22"`;
  return (value, path) => {
    const network = typeof value === 'string' ? parseNetwork(value) : undefined;
    const ok =
      network?.address.version === 4 && isFirst(network) && network.length >= min && network.length <= max;
    if (!ok) refuse(path, wanted, value);
    return value as string;
  };
}

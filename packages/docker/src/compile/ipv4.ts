/** IPv4 as unsigned numbers. Pure arithmetic: no look-ups. */

export interface Subnet {
  /** First address, as a number. */
  readonly base: number;
  /** Length of the prefix. */
  readonly prefix: number;
}

export function parseAddress(text: string): number {
  return text.split('.').reduce((number, part) => number * 256 + Number(part), 0);
}

export function formatAddress(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}

/** Reads CIDR form; bits behind the prefix are cleared. */
export function parseSubnet(text: string): Subnet {
  const [address = '', prefix = '32'] = text.split('/');
  const size = 2 ** (32 - Number(prefix));
  return { base: Math.floor(parseAddress(address) / size) * size, prefix: Number(prefix) };
}

export function formatSubnet({ base, prefix }: Subnet): string {
  return `${formatAddress(base)}/${prefix}`;
}

export function sizeOf({ prefix }: Subnet): number {
  return 2 ** (32 - prefix);
}

export function overlap(a: Subnet, b: Subnet): boolean {
  return a.base < b.base + sizeOf(b) && b.base < a.base + sizeOf(a);
}

export function contains(subnet: Subnet, address: number): boolean {
  return address >= subnet.base && address < subnet.base + sizeOf(subnet);
}

/** Whether a text is an address as {@link formatAddress} writes it. */
export function isIPv4Address(text: string): boolean {
  const number = parseAddress(text);
  return number >= 0 && number < 2 ** 32 && formatAddress(number) === text;
}

export function isIPv4Subnet(text: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+\/\d+$/.test(text);
}

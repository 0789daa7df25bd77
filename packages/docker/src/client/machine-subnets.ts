import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';

/** The network that an engine's machine is itself in. Nothing that serves is. */
export const machineNetwork = 'host';

/** The kernel's routing table for IPv4, where there is one (Linux: proc(5)). */
export const routingTable = '/proc/net/route';

/**
 * Networks that this machine reaches otherwise than through a gateway for everything: a LAN, a VPN, bridges. As `10.0.0.0/8`. From
 * the kernel's table, and from the machine's own addresses.
 */
export async function machineSubnets(): Promise<readonly string[]> {
  const table = await readFile(routingTable, 'utf8').catch(() => '');
  const own = Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).flatMap(({ family, cidr }) => (family === 'IPv4' && cidr !== null ? [networkOf(cidr)] : [])),
  );
  return [...new Set([...routedSubnets(table), ...own])];
}

/** Destinations of a routing table in the kernel's form: numbers in the order of the machine's bytes. */
export function routedSubnets(table: string): readonly string[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, destination = '', , , , , , mask = ''] = line.trim().split(/\s+/);
      const prefix = [...bits(mask)].filter((bit) => bit === '1').length;
      // The way to everything else says nothing of what is there.
      return destination === '' || prefix === 0 ? [] : [`${bytes(destination).join('.')}/${prefix}`];
    });
}

/** The network that an address with its prefix, as `10.1.2.3/24`, is of. */
function networkOf(cidr: string): string {
  const [address = '', length = ''] = cidr.split('/');
  const prefix = Number(length);
  const parts = address.split('.').map((part, index) => {
    const own = Math.min(8, Math.max(0, prefix - index * 8));
    return Number(part) & (0xff << (8 - own));
  });
  return `${parts.join('.')}/${prefix}`;
}

function bytes(hex: string): readonly number[] {
  return (hex.match(/../g) ?? []).map((each) => parseInt(each, 16)).reverse();
}

function bits(hex: string): string {
  return bytes(hex)
    .map((each) => each.toString(2))
    .join('');
}

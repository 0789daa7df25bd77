import { ipNetwork } from './address.js';
import { block, entry, variable, type NginxNode } from './config-text.js';

/** A variable that says whether an address lies in one of these networks: `1` or `0`. */
export function within(name: string, networks: readonly string[], address = 'remote_addr'): NginxNode {
  return membership(name, networks, address, '1', '0');
}

/**
 * The same the other way round.
 *
 * @param but networks that count as outside, unless one of the others lies in them
 */
export function outside(name: string, networks: readonly string[], but: readonly string[]): NginxNode {
  return membership(name, networks, 'remote_addr', '0', '1', but);
}

function membership(
  name: string,
  networks: readonly string[],
  address: string,
  inside: string,
  outside: string,
  but: readonly string[] = [],
): NginxNode {
  const listed = new Set(networks.flatMap(parts));
  // The smallest network that an address is in counts.
  const excepted = new Set(but.flatMap(parts).filter((each) => !listed.has(each)));
  return block(
    'geo',
    [variable(address), variable(name)],
    [
      entry('default', outside),
      ...[...listed].map((each) => entry(each, inside)),
      ...[...excepted].map((each) => entry(each, outside)),
    ],
  );
}

/** nginx warns of a network that it has already: its default stands for every address, and an address for its own network. */
function parts(network: string): readonly string[] {
  const isV6 = ipNetwork(network).includes(':');
  if (network.endsWith('/0')) return isV6 ? ['::/1', '8000::/1'] : ['0.0.0.0/1', '128.0.0.0/1'];
  return [network.replace(isV6 ? /\/128$/ : /\/32$/, '').toLowerCase()];
}

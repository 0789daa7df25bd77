import { PlumbstackError } from '@plumbstack/core';
import { contains, formatSubnet, overlap, parseSubnet, sizeOf, type Subnet } from './ipv4.js';
import { contentDigest } from './spec-hash.js';

/** Stacks begin their search at multiples of this, so that two that are made at once rarely want the same. */
const strideSize = 4096;

/** Hands out subnets of a range that overlap none of others, nor each other. */
export class FreeSubnets {
  readonly #range: Subnet;
  readonly #seed: number;
  /** Disjoint, by first address. */
  #taken: Subnet[];
  /** By prefix: how many candidates are known to be taken, from the first one on. */
  readonly #passed = new Map<number, number>();

  /** @param seed where in the range the search begins; at its first address without one */
  constructor(range: string, others: readonly string[], seed?: string) {
    this.#range = parseSubnet(range);
    const strides = Math.max(1, sizeOf(this.#range) / strideSize);
    const random = seed === undefined ? 0 : Number.parseInt(contentDigest(seed).slice(0, 8), 16);
    this.#seed = (random % strides) * strideSize;
    this.#taken = [];
    for (const each of others.map(parseSubnet)) this.#add(each);
  }

  /** Takes this one, if it overlaps none that is taken, and lies in the range or may be anywhere. Says whether it does. */
  reserve(text: string, anywhere: boolean): boolean {
    const subnet = parseSubnet(text);
    const isInside = subnet.prefix >= this.#range.prefix && contains(this.#range, subnet.base);
    if (!(isInside || anywhere) || this.#hit(subnet) !== undefined) return false;
    this.#add(subnet);
    return true;
  }

  /** Hands out none that overlaps this one. */
  avoid(text: string): void {
    this.#add(parseSubnet(text));
  }

  /** The first free one of a size. Throws `ADDRESS_POOL_EXHAUSTED`. */
  take(prefix: number): string {
    const size = 2 ** (32 - prefix);
    const count = Math.floor(sizeOf(this.#range) / size);
    const first = Math.floor(this.#seed / size);
    for (let passed = this.#passed.get(prefix) ?? 0; passed < count; passed++) {
      const candidate = { base: this.#range.base + ((first + passed) % count) * size, prefix };
      const hit = this.#hit(candidate);
      if (hit === undefined) {
        this.#passed.set(prefix, passed + 1);
        this.#add(candidate);
        return formatSubnet(candidate);
      }
      // Every candidate in a larger network that is taken is taken too.
      const left = Math.ceil((hit.base + sizeOf(hit) - candidate.base) / size) - 1;
      passed += Math.min(left, count - 1 - ((first + passed) % count));
    }
    const range = formatSubnet(this.#range);
    throw new PlumbstackError('ADDRESS_POOL_EXHAUSTED', `no /${prefix} network is free in ${range}.`, {
      details: { pool: range, prefix, taken: this.#taken.map(formatSubnet) },
      hint: 'Take down stacks that are not needed, or give the runtime another pool, of addresses that no LAN or VPN of the machine has: new DockerRuntime({ addressPool: "172.20.0.0/14" }).',
    });
  }

  /** Of those that are taken, one that overlaps. */
  #hit(subnet: Subnet): Subnet | undefined {
    const after = this.#taken[this.#placeOf(subnet.base)];
    const before = this.#taken[this.#placeOf(subnet.base) - 1];
    return [before, after].find((each) => each !== undefined && overlap(each, subnet));
  }

  /** Two subnets overlap only if one holds the other: the larger one stands for both. */
  #add(subnet: Subnet): void {
    const hit = this.#hit(subnet);
    if (hit !== undefined && hit.prefix <= subnet.prefix) return;
    if (hit !== undefined) this.#taken = this.#taken.filter((each) => !overlap(each, subnet));
    this.#taken.splice(this.#placeOf(subnet.base), 0, subnet);
  }

  /** Index of the first that does not begin before an address. */
  #placeOf(base: number): number {
    let [low, high] = [0, this.#taken.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#taken[middle]?.base ?? 0) < base) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

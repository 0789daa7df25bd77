import { randomInt } from 'node:crypto';

/** How often another one is tried: somebody's test may have it, or one that was killed may have left it. */
const attempts = 20;
/** Second numbers of these networks, of which no test takes a fixed one. */
const seconds = [230, 231, 232, 233, 236, 237, 238, 239];

const given = new Set<string>();

/**
 * A /24 of a network that nothing else here takes addresses from; another one at each call of a process, and most likely
 * another one in each process.
 * @param second its second number
 */
export function anySubnet(second?: number): string {
  for (;;) {
    const subnet = `10.${second ?? seconds[randomInt(seconds.length)]}.${randomInt(256)}.0/24`;
    if (given.has(subnet)) continue;
    given.add(subnet);
    return subnet;
  }
}

/** The address of that number in a /24. */
export function hostOf(subnet: string, number: number): string {
  return subnet.replace(/\d+\/24$/, String(number));
}

/** Makes something in a subnet that nothing on the engine overlaps. */
export async function inFreeSubnet<T>(make: (subnet: string) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await make(anySubnet());
    } catch (error) {
      if (attempt === attempts || !/overlaps|already in use/i.test(String(error))) throw error;
    }
  }
}

import { randomInt } from 'node:crypto';

/** How often another one is tried: somebody's test may have it, or one that was killed may have left it. */
const attempts = 20;

/**
 * A /24 of a network that nothing else here takes addresses from; another one at each call.
 * @param second its second number
 */
export function anySubnet(second: number = randomInt(236, 240)): string {
  return `10.${second}.${randomInt(256)}.0/24`;
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

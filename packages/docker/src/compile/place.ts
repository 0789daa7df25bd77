import type { AddressPlan } from './address-plan.js';
import type { Unit } from './docker-spec.js';
import { own } from './own.js';

/** Where a resource's container is: its home with its addresses there, and the networks beside it. */
export function placeOf(
  { homes, addresses, guests }: AddressPlan,
  resource: string,
): Pick<Unit, 'home' | 'addresses' | 'guests' | 'aliases'> {
  return {
    home: own(homes, resource) ?? '',
    addresses: own(addresses, resource) ?? [],
    guests: own(guests, resource) ?? [],
    aliases: [resource],
  };
}

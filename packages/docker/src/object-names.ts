import type { Role } from './labels.js';

/** Names on the engine. A dot cannot be in a stack's or resource's name, so what has one never collides with them. */

/** Where the routers are; everybody where a stack is not isolated. */
export const networkName = (stack: string): string => stack;
// A container's gateway is the network whose name sorts first. `shop` comes before everything that begins with it, a dot
// before an underscore, and the later of two names before both of them together: each container's home is its gateway.
export const serviceNetworkName = (stack: string, service: string): string => `${stack}.${service}`;
export const appNetworkName = (stack: string, app: string): string => `${stack}_${app}`;
/** Not the one of an app of that name, so that the one can take over from the other. */
export const poolNetworkName = (stack: string, pool: string): string => `${stack}_${pool}.pool`;
/** Of two resources of which one depends on the other. */
export const edgeNetworkName = (stack: string, one: string, other: string): string =>
  one > other ? `${stack}_${one}_${other}` : `${stack}_${other}_${one}`;
/** While it is tried whether the engine takes a network's subnet. */
export const probeName = (network: string): string => `${network}..probe`;
export const containerName = (stack: string, resource: string): string => `${stack}-${resource}`;
/** Of what has never answered, while something else serves. Nothing sends requests there. */
export const nextContainerName = (stack: string, resource: string): string => `${stack}-${resource}.next`;
/** Of what served until its successor had answered, and is to go. */
export const leavingContainerName = (stack: string, resource: string): string =>
  `${stack}-${resource}.leaving`;
/** Of what a resource was before it became another kind of resource. */
export const formerContainerName = (stack: string, resource: string): string => `${stack}-${resource}.former`;
export const workerName = (stack: string, pool: string, worker: number): string =>
  `${stack}-${pool}-${worker}`;
/** The resource that a pool's front is, beside those that the program declares. */
export const frontName = (pool: string): string => `${pool}.front`;
/** The resource of the program that something belongs to: a pool's front is a part of the pool. */
export const declaredName = (resource: string): string => resource.replace(/\.front$/, '');
export const volumeName = (stack: string, volume: string): string => `${stack}-${volume}`;
/** What has its configuration in a volume. */
export type ProxyRole = Extract<Role, 'router' | 'balancer'>;
/** Not the one of the other proxy of that name, so that the one can come before the other is gone. */
export const configVolumeName = (stack: string, resource: string, role: ProxyRole): string =>
  `${stack}-${resource}.${role}`;
export const secretVolumeName = (stack: string, secret: string): string => `${stack}-${secret}.secret`;
/** Of the container through which a volume is read or written. */
export const copyName = (stack: string, volume: string): string => `${stack}-${volume}.copy`;
/** Of the one that clears up after an import. */
export const clearingName = (stack: string, volume: string): string => `${stack}-${volume}.clear`;
/** Of the one that looks at the routes of an engine's machine. */
export const routesName = (stack: string): string => `${stack}-machine.routes`;
/** Of the one that is made to ask whether what is to be mounted is there. */
export const bindsName = (stack: string): string => `${stack}-machine.binds`;
/** An empty volume whose labels say what belongs to the stack. */
export const inventoryName = (stack: string): string => `${stack}.inventory`;
export const leaseName = (stack: string): string => `${stack}.lease`;
export const builtImageRepository = (stack: string, resource: string): string =>
  `plumbstack/${stack}-${resource}`;
/** @param digest of the build, as hexadecimal digits behind an optional `sha256:` */
export const builtImageTag = (stack: string, resource: string, digest: string): string =>
  `${builtImageRepository(stack, resource)}:${digest.replace(/^\w+:/, '').slice(0, 12)}`;
/** How HAProxy calls a worker, and what a sticky cookie holds. */
export const slotName = (worker: number): string => `w${worker}`;

import type { AppSpec, HealthSpec, ImageSpec, ServiceSpec } from '@plumbstack/core';
import type { ContainerRecord, GivenSecrets } from './engine-state.js';
import { pathOf, type Run } from './run.js';

export interface NewContainer {
  readonly name: string;
  readonly resource: string;
  readonly role: ContainerRecord['role'];
  readonly image: ImageSpec;
  readonly spec?: AppSpec | ServiceSpec;
  readonly secrets: GivenSecrets;
  readonly slot?: number;
}

/** Makes a container, with the image that it needs, and starts it. */
export function runContainer(run: Run, { image, ...given }: NewContainer): ContainerRecord {
  const { state, stack } = run;
  const container: ContainerRecord = {
    id: state.nextId(),
    stack,
    image: ensureImage(run, given.resource, image),
    state: 'created',
    health: 'unknown',
    lines: [],
    ...given,
  };
  state.containers.set(container.name, container);
  startContainer(run, container);
  return container;
}

/** Starts a container that is there, and tells how it becomes healthy. */
export function startContainer(run: Run, container: ContainerRecord): void {
  const about = { resource: pathOf(run, container.resource), container: container.name };
  markStarted(container, run.state.now());
  run.emit('container:started', about);
  const health = container.spec?.health;
  if (health !== undefined) run.emit('container:waiting', { ...about, until: describeHealth(health) });
  if (isSingle(container)) run.emit('app:healthy', about);
}

/** Whether it serves by itself: of a worker, its pool tells that it joined. */
export function isSingle({ role }: ContainerRecord): boolean {
  return role === 'app' || role === 'service';
}

export function markStarted(container: ContainerRecord, at: Date): void {
  container.state = 'running';
  container.health =
    container.role === 'proxy' || container.spec?.health !== undefined ? 'healthy' : 'unknown';
  container.startedAt = at.toISOString();
  delete container.exitCode;
  delete container.oomKilled;
}

export function removeContainer({ state }: Run, { name }: ContainerRecord): void {
  state.containers.delete(name);
}

export function isHealthy({ state, health }: ContainerRecord): boolean {
  return state === 'running' && health !== 'unhealthy';
}

function describeHealth(health: HealthSpec): string {
  switch (health.type) {
    case 'tcp':
      return 'its port takes connections';
    case 'http':
      return `GET ${health.path} answers`;
    case 'command':
      return `${health.command[0] ?? 'its check'} ends with 0`;
  }
}

/** The image's name, pulled or built first where the engine does not have it. */
function ensureImage(run: Run, name: string, image: ImageSpec): string {
  const resource = pathOf(run, name);
  const reference = image.type === 'pull' ? image.reference : `${run.stack}-${name}`;
  const there = run.state.images.has(reference);
  const event = image.type === 'pull' ? 'pull' : 'build';
  if (image.type === 'pull' ? !there && image.policy !== 'never' : !there) {
    run.emit(`image:${event}:started`, { resource, image: reference });
    run.emit(`image:${event}:finished`, { resource, image: reference, durationMs: 0 });
  }
  run.state.images.add(reference);
  if (image.type === 'build') run.state.built.set(reference, resource);
  return reference;
}

import type { DownOptions } from '@plumbstack/core';
import { removeContainer } from './containers.js';
import { removeWorker, workersOf } from './pool-workers.js';
import { asStep, pathOf, type Run } from './run.js';
import { secretsOfStack } from './secret-values.js';

/** Removes a resource's containers and gives its ports back. */
export async function removeResource(run: Run, name: string): Promise<void> {
  const path = pathOf(run, name);
  for (const worker of workersOf(run, name)) await removeWorker(run, worker);
  for (const container of run.state.containersOf(run.stack, name)) removeContainer(run, container);
  run.state.ports.release(path);
  run.state.stats.delete(path);
  run.state.stacks.get(run.stack)?.resources.delete(name);
  run.emit('resource:removed', { resource: path });
}

export function removeSecret(run: Run, name: string): void {
  run.state.secrets.delete(pathOf(run, name));
  run.emit('resource:removed', { resource: pathOf(run, name) });
}

/** Removes everything of a stack; volumes, generated secrets and images only where asked. */
export async function removeStack(run: Run, { volumes = false, images = false }: DownOptions): Promise<void> {
  const { state, stack } = run;
  for (const name of [...(state.stacks.get(stack)?.resources.keys() ?? [])].reverse()) {
    await remove(run, name, () => removeResource(run, name));
  }
  for (const { name, generated } of secretsOfStack(state, stack)) {
    if (volumes || !generated) await remove(run, name, () => Promise.resolve(removeSecret(run, name)));
  }
  for (const [path, { name }] of volumes ? state.volumes : []) {
    if (state.volumes.get(path)?.stack !== stack) continue;
    await remove(run, name, () => {
      state.volumes.delete(path);
      run.emit('resource:removed', { resource: path });
      return Promise.resolve();
    });
  }
  for (const [image, resource] of images ? state.built : []) {
    if (!resource.startsWith(`${stack}/`)) continue;
    state.built.delete(image);
    state.images.delete(image);
    run.emit('image:removed', { resource, image });
  }
  state.stacks.delete(stack);
}

async function remove(run: Run, name: string, work: () => Promise<void>): Promise<void> {
  await asStep(run, { action: 'delete', resource: pathOf(run, name) }, () => {
    run.state.failures.strike(pathOf(run, name));
    return work();
  });
}

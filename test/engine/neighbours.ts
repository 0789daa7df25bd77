import type { DockerClient } from '@plumbstack/docker/client';
import { label } from '@plumbstack/docker/internal';
import { InMemoryRuntime, singleAppStack, type InMemoryEngine } from '@plumbstack/testing';

/** Names of containers, networks and volumes that are none of a stack's. */
export interface Strangers {
  readonly stack: string;
}

const creation: Omit<Parameters<DockerClient['createContainer']>[0], 'name' | 'labels'> = {
  ...{
    image: 'stranger:1',
    env: {},
    mounts: [],
    ports: [],
    restart: 'always',
    init: false,
    readOnlyRoot: false,
  },
  ...{ capAdd: [], capDrop: [], securityOptions: [], extraHosts: {}, limits: {}, networks: {} },
};

/** Another stack whose name begins alike, and containers that plumbstack has not made, one with labels of ours. */
export async function neighbours(engine: InMemoryEngine, name: string): Promise<Strangers> {
  engine.addImage('stranger:1');
  const { client } = engine;
  await client.createNetwork({
    ...{ name: `${name}0`, subnet: '10.208.0.0/20', gateway: '10.208.0.1', dynamicRange: '10.208.8.0/21' },
    labels: {},
  });
  await client.createVolume({ name: `${name}-data0`, labels: {} });
  const id = await client.createContainer({ ...creation, name: `${name}-stranger`, labels: {} });
  await client.startContainer(id);
  const copied = { [label.stack]: name, [label.resource]: 'appa', [label.role]: 'app' };
  await client.createContainer({ ...creation, name: `${name}-copied`, labels: copied });
  const stack = `${name}-x`;
  await new InMemoryRuntime({ engine }).up(singleAppStack({ name: stack, app: { image: 'example/api:1' } }));
  return { stack: name };
}

/** Whether something on the engine was made for a stack. */
function isOf(labels: Readonly<Record<string, string>>, stack: string): boolean {
  return labels[label.owner] === 'plumbstack' && labels[label.stack] === stack;
}

/** Everything that is not the stack's, as text to compare. */
export function snapshotOf(engine: InMemoryEngine, { stack }: Strangers): readonly string[] {
  return engine.objects
    .filter(({ labels }) => !isOf(labels, stack))
    .filter(({ kind }) => kind !== 'image')
    .map(({ labels: _, ...rest }) => JSON.stringify(rest));
}

/** Everything that is the stack's. */
export function ownObjects(engine: InMemoryEngine, stack: string): readonly string[] {
  return engine.objects
    .filter(({ labels }) => isOf(labels, stack))
    .map(({ kind, name }) => `${kind} ${name}`);
}

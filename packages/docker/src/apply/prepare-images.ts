import type { LifecycleEventMap } from '@plumbstack/events';
import { aboutResource, PlumbstackError, type ImageSpec, type StackSpec } from '@plumbstack/core';
import type { ImageProgress } from '../client/docker-client.js';
import type { ResolvedImage } from '../compile/docker-spec.js';
import type { Inputs } from '../compile/inputs.js';
import { imageLabels } from '../labels.js';
import { buildSource } from '../observe/read-inputs.js';
import { Gate } from './gate.js';
import { runFailure } from './run-failure.js';
import { declaredPathOf, pathOf, type RunContext } from './run-context.js';

type ImageContext = Pick<RunContext, 'client' | 'stack' | 'call' | 'signal' | 'emit'>;

/** Pulls and builds at once. They take long, and no place from what starts and removes containers. */
const width = 8;

/** Pulls and builds what the engine does not have. Resources that share an image wait for one pull. */
export async function prepareImages(context: ImageContext, spec: StackSpec, inputs: Inputs): Promise<void> {
  const missing = new Map<string, { resource: string; image: ResolvedImage; spec: ImageSpec }>();
  for (const each of spec.resources) {
    const image = inputs.images[each.name];
    if (!('image' in each) || image === undefined || image.action === 'none') continue;
    if (!missing.has(image.reference))
      missing.set(image.reference, { resource: each.name, image, spec: each.image });
  }
  const gate = new Gate(width);
  // All of them, also when one fails: what has been pulled or built is there for the next run.
  const results = await Promise.allSettled(
    [...missing.values()].map(async (each) => {
      try {
        await gate.run(() => prepare(context, each, inputs), { signal: context.signal });
      } catch (error) {
        throw aboutResource(error, declaredPathOf(context, each.resource));
      }
    }),
  );
  context.signal.throwIfAborted();
  const failures = results.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
  if (failures.length > 0) throw runFailure(context.stack, failures);
}

async function prepare(
  context: ImageContext,
  { resource, image, spec }: { resource: string; image: ResolvedImage; spec: ImageSpec },
  inputs: Inputs,
): Promise<void> {
  const { client, call, emit, stack } = context;
  const about = { resource: pathOf(context, resource), image: image.reference };
  const start = performance.now();
  const took = (): number => Math.round(performance.now() - start);
  if (spec.type === 'pull') {
    emit('image:pull:started', about);
    const layers = new Layers();
    await client.pullImage(image.reference, {
      ...call,
      onProgress: (progress) => emit('image:pull:progress', { ...about, ...layers.add(progress) }),
    });
    // The engine notes when a name was given, and not when it was pulled.
    if (typeof spec.policy === 'object' && !image.reference.includes('@'))
      await client.tagImage(image.reference, image.reference, call);
    emit('image:pull:finished', { ...about, durationMs: took() });
    return;
  }
  emit('image:build:started', about);
  await client.buildImage(
    {
      ...buildSource(spec, inputs.absolute),
      secrets: spec.secrets.map(({ secret, id }) => ({ id, value: valueOf(inputs, secret) })),
      tag: image.reference,
      labels: { ...spec.labels, ...imageLabels(stack, resource) },
    },
    { ...call, onProgress: ({ status }) => emit('image:build:progress', { ...about, status }) },
  );
  emit('image:build:finished', { ...about, durationMs: took() });
}

function valueOf({ secrets }: Inputs, name: string): Buffer {
  const value = secrets[name]?.value;
  // Reading the inputs fails where one is missing, and a build takes none that is generated: only a spec says otherwise.
  if (value !== undefined) return value;
  throw new PlumbstackError('NOT_FOUND', `the secret ${name} has no value yet.`, {
    details: { secret: name },
    hint: 'A build needs it before the stack is up: make it from a file, a variable or a value.',
  });
}

type PullProgress = Omit<LifecycleEventMap['image:pull:progress'], 'resource' | 'image'>;

/** Adds up what the engine tells layer by layer. */
class Layers {
  readonly #layers = new Map<string, { current: number; total: number }>();

  add({ id, status, current, total }: ImageProgress): PullProgress {
    if (id !== undefined && total !== undefined) this.#layers.set(id, { current: current ?? 0, total });
    const all = [...this.#layers.values()];
    return {
      status,
      current: all.reduce((sum, each) => sum + each.current, 0),
      total: all.reduce((sum, each) => sum + each.total, 0),
    };
  }
}

import { randomBytes } from 'node:crypto';
import type { LifecycleEventMap } from '@plumbstack/events';
import { aboutResource, PlumbstackError, type ImageSpec, type StackSpec } from '@plumbstack/core';
import { contextDigest } from '../client/build-context.js';
import type { ImageProgress } from '../client/docker-client.js';
import { engineStatus } from '../client/docker-failure.js';
import type { FileDigests } from '../client/file-digests.js';
import type { ResolvedImage } from '../compile/docker-spec.js';
import type { Inputs } from '../compile/inputs.js';
import { imageLabels } from '../labels.js';
import { builtImageTag } from '../object-names.js';
import { buildSource, type BuiltImage, type BuiltImages } from '../observe/read-inputs.js';
import { Gate } from './gate.js';
import { runFailure } from './run-failure.js';
import { declaredPathOf, pathOf, type RunContext } from './run-context.js';

type ImageContext = Pick<RunContext, 'client' | 'stack' | 'call' | 'signal' | 'emit'>;

/** Pulls and builds at once. They take long, and no place from what starts and removes containers. */
const width = 8;

/**
 * Pulls and builds what the engine does not have. Resources that share an image wait for one pull.
 *
 * @returns by resource, the built images that the run goes on with, whatever becomes of their build contexts
 */
export async function prepareImages(
  context: ImageContext,
  spec: StackSpec,
  inputs: Inputs,
  digests: FileDigests,
): Promise<BuiltImages> {
  const built = new Map<string, BuiltImage>();
  const missing = new Map<string, { resource: string; image: ResolvedImage; spec: ImageSpec }>();
  for (const each of spec.resources) {
    const image = inputs.images[each.name];
    if (!('image' in each) || image === undefined) continue;
    const { reference, code = {} } = image;
    if (each.image.type === 'build') built.set(each.name, { reference, code });
    if (image.action === 'none') continue;
    if (!missing.has(image.reference))
      missing.set(image.reference, { resource: each.name, image, spec: each.image });
  }
  const gate = new Gate(width);
  // All of them, also when one fails: what has been pulled or built is there for the next run.
  const results = await Promise.allSettled(
    [...missing.values()].map(async (each) => {
      try {
        const reference = await gate.run(() => prepare(context, each, inputs, digests), {
          signal: context.signal,
        });
        const before = built.get(each.resource);
        if (before !== undefined) built.set(each.resource, { ...before, reference });
      } catch (error) {
        throw aboutResource(error, declaredPathOf(context, each.resource));
      }
    }),
  );
  context.signal.throwIfAborted();
  const failures = results.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
  if (failures.length > 0) throw runFailure(context.stack, failures);
  return built;
}

/** Resolves to what the image is called. */
async function prepare(
  context: ImageContext,
  { resource, image, spec }: { resource: string; image: ResolvedImage; spec: ImageSpec },
  inputs: Inputs,
  digests: FileDigests,
): Promise<string> {
  const { emit } = context;
  const about = { resource: pathOf(context, resource), image: image.reference };
  const start = performance.now();
  const took = (): number => Math.round(performance.now() - start);
  if (spec.type === 'pull') {
    emit('image:pull:started', about);
    await pull(context, about, spec);
    emit('image:pull:finished', { ...about, durationMs: took() });
    return image.reference;
  }
  emit('image:build:started', about);
  const reference = await build(context, resource, about, spec, inputs, digests);
  emit('image:build:finished', { ...about, image: reference, durationMs: took() });
  return reference;
}

type About = Pick<LifecycleEventMap['image:pull:started'], 'resource' | 'image'>;

async function pull(
  { client, call, emit }: ImageContext,
  about: About,
  { policy }: Extract<ImageSpec, { type: 'pull' }>,
): Promise<void> {
  const { image } = about;
  const layers = new Layers();
  await client.pullImage(image, {
    ...call,
    onProgress: (progress) => emit('image:pull:progress', { ...about, ...layers.add(progress) }),
  });
  // The engine notes when a name was given, and not when it was pulled.
  if (typeof policy === 'object' && !image.includes('@')) await client.tagImage(image, image, call);
}

/**
 * Builds, and calls the image by its content only once it is sure that this is what was built: a file may have been written
 * meanwhile. One of another content keeps a name that nothing looks for, so that the next plan builds what is there then.
 *
 * @returns what the image is called
 */
async function build(
  { client, stack, call, emit }: ImageContext,
  resource: string,
  about: About,
  spec: Extract<ImageSpec, { type: 'build' }>,
  inputs: Inputs,
  digests: FileDigests,
): Promise<string> {
  const source = buildSource(spec, inputs.absolute);
  const tag = builtImageTag(stack, resource, randomBytes(6).toString('hex'));
  const id = await client.buildImage(
    {
      ...source,
      secrets: spec.secrets.map(({ secret, id }) => ({ id, value: valueOf(inputs, secret) })),
      tag,
      labels: { ...spec.labels, ...imageLabels(stack, resource) },
    },
    { ...call, onProgress: ({ status }) => emit('image:build:progress', { ...about, status }) },
  );
  // What can be read no more has changed.
  const digest = await contextDigest(source, digests).catch(() => '');
  if (builtImageTag(stack, resource, digest) !== about.image) return tag;
  await client.tagImage(id, about.image, call);
  await client.removeImage(tag, call).catch((error: unknown) => {
    // It is one more name of an image that is right. What is superseded goes at the end of the run.
    if (engineStatus(error) === undefined) throw error;
  });
  return about.image;
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

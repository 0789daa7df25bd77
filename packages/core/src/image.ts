import { argument, dictionary, isRecord, line, oneOf, options, refuse, type Check } from './check.js';
import { environmentName } from './name.js';
import type { ImageSpec, PullPolicy } from './spec.js';

/** How an image is built. */
export interface BuildOptions {
  /** Folder sent to the engine. @default none: the Dockerfile copies nothing */
  readonly context?: string;
  /** Path of the Dockerfile inside the context. @default 'Dockerfile' */
  readonly dockerfile?: string;
  /** The Dockerfile's text, in place of a file. */
  readonly inline?: string;
  /** Values for the Dockerfile's `ARG`s. They stay visible in the image's history: no place for a secret. */
  readonly args?: Readonly<Record<string, string>>;
  /** Stage to stop at. @default the last one */
  readonly target?: string;
  /** Platform to build for, as `linux/amd64`. @default the engine's */
  readonly platform?: string;
}

/** An image by reference, with its pull policy. */
export interface ImageOptions {
  /** As `nginx:1.30` or `registry.example.org/team/api@sha256:...`. */
  readonly reference: string;
  /** When to pull: when it is not there, at every `up`, or never. @default 'missing' */
  readonly pull?: PullPolicy;
}

/** A reference, or a reference with its pull policy. */
export type Image = string | ImageOptions;
/** A context folder, or all of a build's options. */
export type Build = string | BuildOptions;

// The grammar of distribution/reference, without the length limits that the registry enforces itself:
// https://github.com/distribution/reference/blob/main/reference.go
const domainLabel = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';
const domain = `(?:${domainLabel}(?:\\.${domainLabel})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const component = '[a-z0-9]+(?:(?:\\.|__?|-+)[a-z0-9]+)*';
const digest = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}';
const reference = new RegExp(
  `^(?:${domain}/)?${component}(?:/${component})*(?::\\w[\\w.-]{0,127})?(?:@${digest})?$`,
);

const imageReference: Check<string> = (value, path) => {
  if (typeof value !== 'string' || !reference.test(value))
    refuse(path, 'an image reference such as "nginx:1.30"', value);
  return value;
};

/** An image to pull, by its reference alone or with its options. */
export const image: Check<Extract<ImageSpec, { type: 'pull' }>> = (value, path) => {
  const given: Partial<ImageOptions> = isRecord(value)
    ? options<Partial<ImageOptions>>(value, path, {
        reference: imageReference,
        pull: oneOf('missing', 'always', 'never'),
      })
    : { reference: imageReference(value, path) };
  if (given.reference === undefined) refuse(`${path}.reference`, 'an image reference', undefined);
  return { type: 'pull', reference: given.reference, policy: given.pull ?? 'missing' };
};

const pathInside: Check<string> = (value, path) => {
  const inside = line(value, path);
  if (inside.startsWith('/') || inside.split('/').includes('..'))
    refuse(path, 'a path inside the context', value);
  return inside;
};

export const build: Check<ImageSpec> = (value, path) => {
  const given: BuildOptions =
    typeof value === 'string'
      ? { context: line(value, path) }
      : options<BuildOptions>(value, path, {
          context: line,
          dockerfile: pathInside,
          inline: argument,
          args: dictionary(environmentName, argument),
          target: line,
          platform: line,
        });
  const { context, dockerfile = 'Dockerfile', inline, args = {}, target, platform } = given;
  if (context === undefined && inline === undefined)
    refuse(path, 'a context folder or an inline Dockerfile', value);
  return {
    type: 'build',
    ...(context !== undefined && { context }),
    dockerfile,
    ...(inline !== undefined && { inline }),
    args,
    ...(target !== undefined && { target }),
    ...(platform !== undefined && { platform }),
  };
};

import {
  argument,
  dictionary,
  flag,
  integer,
  isRecord,
  line,
  list,
  matching,
  oneOf,
  options,
  refuse,
  type Check,
} from './check.js';
import { environmentName, labelName } from './name.js';
import { isResource } from './resource.js';
import { secretReference } from './secret-mount.js';
import type { Secret } from './secret.js';
import type { BuildSecretSpec, BuildStepsSpec, FileStepSpec, ImageSpec, PullPolicy } from './spec.js';

/** How an image is built. */
export interface BuildOptions {
  /** Folder sent to the engine. @default none: the Dockerfile copies nothing */
  readonly context?: string;
  /** Path of the Dockerfile inside the context. @default 'Dockerfile' */
  readonly dockerfile?: string;
  /** The Dockerfile's text, in place of a file. */
  readonly inline?: string;
  /**
   * Further lines of the Dockerfile, behind those that it has. They are a part of its last stage. Some may be about a file of the
   * context, and be left out where that is not there.
   */
  readonly steps?: string | readonly (string | FileStep)[];
  /** Values for the Dockerfile's `ARG`s. They stay visible in the image's history: no place for a secret. */
  readonly args?: Readonly<Record<string, string>>;
  /** Stage to stop at. @default the last one */
  readonly target?: string;
  /** Platform to build for, as `linux/amd64`. @default the engine's */
  readonly platform?: string;
  /** Labels of the image; `io.plumbstack.*` is taken. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Images whose layers are taken where a step is the same. BuildKit takes those that were built with an inline cache. */
  readonly cacheFrom?: readonly string[];
  /** Further folders, by the name that `COPY --from=` has for them. Needs BuildKit. */
  readonly contexts?: Readonly<Record<string, string>>;
  /**
   * Secrets for `RUN --mount=type=secret,id=…`, which leave no trace in the image. Needs BuildKit. Another value alone is
   * no reason to build again.
   */
  readonly secrets?: readonly (Secret | BuildSecret)[];
  /** Lends the SSH agent of who runs the program to `RUN --mount=type=ssh`. Needs BuildKit. @default false */
  readonly ssh?: boolean;
  /**
   * What builds: the engine's own classic builder, which every engine has, or BuildKit, through `docker buildx`.
   * @default BuildKit where these options or the Dockerfile need it, else the classic one
   */
  readonly builder?: 'classic' | 'buildkit';
}

/** Lines of a Dockerfile that are about a file, as what installs what a lock file says. */
export interface FileStep {
  /** Path of the file inside the context. */
  readonly file: string;
  readonly lines: string;
  /** Leaves the lines out where there is no such file. @default false: the build is refused with `NOT_FOUND` */
  readonly optional?: boolean;
}

/** A secret, and what a Dockerfile calls it. */
export interface BuildSecret {
  readonly secret: Secret;
  /** @default the secret's name */
  readonly id?: string;
}

/** An image by reference, with its pull policy. */
export interface ImageOptions {
  /** As `nginx:1.30` or `registry.example.org/team/api@sha256:...`. */
  readonly reference: string;
  /**
   * When to pull: when it is not there, at every `up`, never, or when it is not there or was last pulled that many
   * milliseconds ago. What a digest names never changes, and is pulled when it is not there. @default 'missing'
   */
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

const pullPolicy: Check<PullPolicy> = (value, path) => {
  if (!isRecord(value)) return oneOf('missing', 'always', 'never')(value, path);
  const { everyMs } = options<{ everyMs?: number }>(value, path, { everyMs: integer(1000) });
  return { everyMs: everyMs ?? refuse(`${path}.everyMs`, 'a number of milliseconds', undefined) };
};

/** An image to pull, by its reference alone or with its options. */
export const image: Check<Extract<ImageSpec, { type: 'pull' }>> = (value, path) => {
  const given: Partial<ImageOptions> = isRecord(value)
    ? options<Partial<ImageOptions>>(value, path, {
        reference: imageReference,
        pull: pullPolicy,
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

// What BuildKit reads as a key of a comma-separated list, and a Dockerfile without quotes.
const secretId = matching(/^[\w.-]+$/, 'letters, digits, "_", "." and "-"');
const contextName = matching(/^[a-z0-9][a-z0-9._-]*$/, 'a name such as "shared-code"');

const buildSecret: Check<BuildSecretSpec> = (value, path) => {
  const given: Partial<BuildSecret> = isResource(value)
    ? { secret: secretReference(value, path) }
    : options<Partial<BuildSecret>>(value, path, { secret: secretReference, id: secretId });
  const { secret } = given;
  if (secret === undefined) refuse(`${path}.secret`, 'a secret made by stack.secret(...)', undefined);
  if (secret.toSpec().source.type === 'generate')
    refuse(path, 'a secret that is known before the stack is up: { file }, { env } or { value }', value);
  return { secret: secret.name, id: given.id ?? secret.name };
};

const fileStep: Check<FileStepSpec> = (value, path) => {
  const given = options<Partial<FileStep>>(value, path, {
    file: pathInside,
    lines: argument,
    optional: flag,
  });
  const { file, lines, optional = false } = given;
  if (file === undefined) refuse(`${path}.file`, 'the path of a file inside the context', file);
  if (lines === undefined) refuse(`${path}.lines`, 'lines of a Dockerfile', lines);
  return { file, lines, optional };
};

const buildSteps: Check<BuildStepsSpec> = (value, path) =>
  Array.isArray(value)
    ? list<string | FileStepSpec>((each, at) => (isRecord(each) ? fileStep(each, at) : argument(each, at)))(
        value,
        path,
      )
    : argument(value, path);

export const build: Check<ImageSpec> = (value, path) => {
  const { secrets, ...given } =
    typeof value === 'string'
      ? { context: line(value, path) }
      : options<
          Omit<BuildOptions, 'secrets' | 'steps'> & {
            readonly secrets?: readonly BuildSecretSpec[];
            readonly steps?: BuildStepsSpec;
          }
        >(value, path, {
          context: line,
          dockerfile: pathInside,
          inline: argument,
          steps: buildSteps,
          args: dictionary(environmentName, argument),
          target: line,
          platform: line,
          labels: dictionary(labelName, argument),
          cacheFrom: list(imageReference),
          contexts: dictionary(contextName, line),
          secrets: list(buildSecret),
          ssh: flag,
          builder: oneOf('classic', 'buildkit'),
        });
  const { context, dockerfile = 'Dockerfile', inline, steps, target, platform, builder } = given;
  const { args = {}, labels = {}, cacheFrom = [], contexts = {}, ssh = false } = given;
  if (context === undefined && inline === undefined)
    refuse(path, 'a context folder or an inline Dockerfile', value);
  if (steps !== undefined && target !== undefined)
    refuse(`${path}.target`, 'left out with steps, which are a part of the last stage', target);
  const needsBuildkit = ssh || (secrets ?? []).length > 0 || Object.keys(contexts).length > 0;
  if (builder === 'classic' && needsBuildkit)
    refuse(`${path}.builder`, '"buildkit", or left out, with secrets, ssh or contexts', builder);
  return {
    type: 'build',
    ...(context !== undefined && { context }),
    dockerfile,
    ...(inline !== undefined && { inline }),
    ...(steps !== undefined && { steps }),
    args,
    ...(target !== undefined && { target }),
    ...(platform !== undefined && { platform }),
    labels,
    cacheFrom,
    contexts,
    secrets: secrets ?? [],
    ssh,
    ...(builder !== undefined && { builder }),
  };
};

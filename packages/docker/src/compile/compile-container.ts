import {
  resourcePath,
  secretText,
  type ContainerSpec,
  type HealthSpec,
  type MountSpec,
  type ResourceSpec,
} from '@plumbstack/core';
import type { EngineHealthcheck, EngineMount, PublishedPort } from '../client/docker-client.js';
import { baseLabels, label, type Role } from '../labels.js';
import { volumeName } from '../object-names.js';
import { contentOf, noContent, type Content, type TemplateFile } from './content.js';
import type { ContainerTemplate, FolderFiles, ResolvedImage } from './docker-spec.js';
import { publishedBy, type BoundSource, type Inputs } from './inputs.js';
import { own } from './own.js';
import { startedWithSecrets } from './secret-environment.js';
import { canonicalJson, digestOf } from './spec-hash.js';

/** The parts of a template that its digest is made of, before labels are put on. */
type Draft = Omit<ContainerTemplate['creation'], 'labels'>;

/**
 * Compiles an app's or a service's container.
 *
 * @param resource what it belongs to: the app itself, or the pool that it is a worker of
 * @param facts what is part of its identity without being part of the container, as the port that others reach it at
 */
export function compileContainer(
  stack: string,
  resource: string,
  spec: ContainerSpec,
  role: Role,
  env: Readonly<Record<string, string>>,
  ports: readonly PublishedPort[],
  inputs: Inputs,
  facts: Readonly<Record<string, unknown>> = {},
): ContainerTemplate {
  const image = imageOf(spec.name, inputs);
  const files: TemplateFile[] = spec.files.map(({ target, mode, ...given }) => ({
    path: target,
    mode,
    content: fileContent(given, inputs),
  }));
  const secrets: TemplateFile[] = spec.secrets.map((each) => {
    const value = own(inputs.secrets, each.secret)?.value ?? Buffer.alloc(0);
    const content = contentOf(secretText(each, () => value.toString()) ?? value);
    return { path: each.target, mode: 0o400, content };
  });
  const { stopSignal, workingDir, user } = spec;
  const variables = spec.secrets.filter((each) => each.env !== undefined);
  const { entrypoint, command } =
    variables.length === 0
      ? spec
      : startedWithSecrets(resourcePath(stack, spec.name), spec, image, variables);
  const check = engineHealthcheck(spec.health, spec.startTimeoutMs);
  const draft: Draft = {
    image: image.id ?? image.reference,
    ...(entrypoint !== undefined && { entrypoint }),
    ...(command !== undefined && { command }),
    env: { ...inputs.proxies, ...env },
    ...(user !== undefined && { user }),
    ...(workingDir !== undefined && { workingDir }),
    ...(stopSignal !== undefined && { stopSignal }),
    stopGraceMs: spec.stopGraceMs,
    ...(check !== undefined && { healthcheck: check }),
    mounts: [
      ...spec.mounts.map((each) => engineMount(stack, each, inputs)),
      ...(spec.readOnly ? writableFolders([...files, ...secrets]) : []),
    ],
    ports,
    restart: spec.restart,
    init: spec.init,
    readOnlyRoot: spec.readOnly,
    capAdd: spec.capAdd,
    capDrop: spec.capDrop,
    securityOptions: [],
    extraHosts: spec.extraHosts,
    limits: spec.resources,
    ...(spec.logging !== undefined && { logging: spec.logging }),
  };
  return template(stack, resource, role, draft, image, {
    files: [...inFolders(files, spec.readOnly, false), ...inFolders(secrets, spec.readOnly, true)],
    labels: spec.labels,
    facts: {
      ...facts,
      ...boundFacts(
        spec.mounts.flatMap((each) => (each.type === 'bind' && each.restartOn !== undefined ? [each] : [])),
        inputs,
        (found) => found,
      ),
      ...(image.code !== undefined && { code: image.code }),
      env: { ...withoutCredentials(inputs.proxies ?? {}), ...env },
      labels: spec.labels,
      files: Object.fromEntries(files.map(({ path, mode, content: { digest } }) => [path, { mode, digest }])),
      secrets: Object.fromEntries(
        spec.secrets.map(({ secret, target, ...form }) => {
          const fingerprint = own(inputs.secrets, secret)?.fingerprint ?? 'new';
          return [target, Object.keys(form).length === 0 ? fingerprint : { fingerprint, ...form }];
        }),
      ),
    },
    needsShell: variables.length > 0,
    checks: spec.mounts.flatMap((each) =>
      each.type === 'bind' && each.check !== undefined ? [each.check] : [],
    ),
  });
}

/**
 * Which folders a container sees, and what is in those that it is started anew for: parts of what it is made from. A mount shows
 * the folder that was at its path when the container started, whatever comes there later.
 */
export function boundFacts(
  mounts: readonly { readonly source: string; readonly target: string }[],
  inputs: Inputs,
  part: (found: BoundSource) => BoundSource,
): Readonly<Record<string, unknown>> {
  const known = mounts.flatMap(({ source, target }) => {
    const found = own(inputs.bound ?? {}, inputs.absolute(source));
    return found === undefined ? [] : [[target, part(found)] as const];
  });
  return known.length === 0 ? {} : { bound: Object.fromEntries(known) };
}

function fileContent(
  { content, source }: { readonly content?: string; readonly source?: string },
  inputs: Inputs,
): Content {
  if (content !== undefined) return inputs.texts?.get(content) ?? contentOf(content);
  return (source === undefined ? undefined : own(inputs.files, inputs.absolute(source))) ?? noContent;
}

interface TemplateParts {
  readonly files: readonly FolderFiles[];
  readonly labels: Readonly<Record<string, string>>;
  /** What belongs to the identity beside the creation itself. */
  readonly facts: Readonly<Record<string, unknown>>;
  readonly needsShell?: boolean;
  readonly checks?: ContainerTemplate['checks'];
}

/** Adds identity, digest and labels. */
export function template(
  stack: string,
  resource: string,
  role: Role,
  draft: Draft,
  image: ResolvedImage,
  { files, labels, facts, needsShell = false, checks = [] }: TemplateParts,
): ContainerTemplate {
  const identity = {
    ...draft,
    ...facts,
    image: { reference: image.reference, id: image.id ?? 'unknown' },
  };
  // What the engine can change in a running container, and what only its checks ask for, is no reason for another one. Code is in
  // the image.
  const {
    limits: _limits,
    restart: _restart,
    checkedHost: _host,
    code: _code,
    ...fixed
  } = identity as Record<string, unknown>;
  const digest = digestOf(fixed);
  return {
    creation: {
      ...draft,
      ...(image.id !== undefined && { imageName: image.reference }),
      labels: {
        ...labels,
        ...baseLabels(stack, resource, role),
        [label.digest]: digest,
        [label.identity]: canonicalJson(identity),
      },
    },
    files,
    identity,
    digest,
    needsShell,
    ...(checks.length > 0 && { checks }),
  };
}

/** Proxies without the user and the password that their URLs may hold: anybody may read labels and plans. */
function withoutCredentials(variables: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [
      name,
      // To the last one: a password may have any character, though it should not.
      value.replace(/^([a-z0-9+.-]*:\/\/)?.*@/is, '$1***@'),
    ]),
  );
}

const noImage: ResolvedImage = {
  reference: '',
  action: 'none',
  user: '',
  hasHealthcheck: false,
  entrypoint: [],
  command: [],
};

export function imageOf(resource: string, inputs: Inputs): ResolvedImage {
  return own(inputs.images, resource) ?? noImage;
}

/** Ports with 0 replaced by the one that was chosen. */
export function publishedPorts(resource: ResourceSpec, inputs: Inputs): readonly PublishedPort[] {
  return publishedBy(resource).map(({ port, host, containerPort, key }) => ({
    host,
    port: port === 0 ? (inputs.ports[key] ?? 0) : port,
    containerPort,
  }));
}

function engineMount(stack: string, mount: MountSpec, inputs: Inputs): EngineMount {
  switch (mount.type) {
    case 'bind':
      return {
        type: 'bind',
        source: inputs.absolute(mount.source),
        target: mount.target,
        readOnly: mount.readOnly,
      };
    case 'volume':
      return {
        type: 'volume',
        name: volumeName(stack, mount.volume),
        target: mount.target,
        readOnly: mount.readOnly,
      };
    case 'tmpfs':
      return mount;
  }
}

/** Only a command is the engine's to run; tcp and http are checked from where requests come from. */
function engineHealthcheck(
  health: HealthSpec | undefined,
  startTimeoutMs: number,
): EngineHealthcheck | undefined {
  if (health?.type !== 'command') return undefined;
  const { command, intervalMs, timeoutMs, retries } = health;
  return { command, intervalMs, timeoutMs, retries, startPeriodMs: startTimeoutMs };
}

/** Folder of a path in a container. */
const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';

// The engine refuses files for a read-only root, but not for a volume in it. Nothing else is mounted there: files have no
// place in what outlives their container, nor right below a tmpfs.
function writableFolders(files: readonly TemplateFile[]): readonly EngineMount[] {
  const folders = new Set(files.map(({ path }) => folderOf(path)));
  return [...folders].map((target) => ({ type: 'volume', target, readOnly: false }));
}

function inFolders(
  files: readonly TemplateFile[],
  readOnlyRoot: boolean,
  ownedByUser: boolean,
): readonly FolderFiles[] {
  const folders = new Map<string, TemplateFile[]>();
  for (const each of files) {
    const folder = readOnlyRoot ? folderOf(each.path) : '/';
    const relative = each.path.slice(folder === '/' ? 1 : folder.length + 1);
    folders.set(folder, [...(folders.get(folder) ?? []), { ...each, path: relative }]);
  }
  return [...folders].map(([folder, list]) => ({ folder, files: list, ownedByUser }));
}

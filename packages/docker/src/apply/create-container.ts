import { isPlumbstackError, PlumbstackError } from '@plumbstack/core';
import { engineStatus, isMissing } from '../client/docker-failure.js';
import type { EngineMount, PutFile } from '../client/docker-client.js';
import type { ContainerTemplate } from '../compile/docker-spec.js';
import { shell } from '../compile/secret-environment.js';
import { baseLabels, label } from '../labels.js';
import { isContainerOf, notOurs } from '../not-ours.js';
import type { Place } from '../plan/container-networks.js';
import { attachmentsOf } from './attachments.js';
import { explainFiles } from './explain-files.js';
import { loadContent, loadFiles, type LoadContent } from './load-content.js';
import { explainPort } from './port-holder.js';
import { declaredPathOf, type RunContext } from './run-context.js';

export interface NewContainer {
  readonly resource: string;
  readonly name: string;
  readonly template: ContainerTemplate;
  readonly place: Place;
  /** At home. */
  readonly address: string;
  readonly aliases: readonly string[];
  readonly hostname: string;
  readonly worker?: number;
  /** Reads what its files hold. @default from this process and its machine */
  readonly load?: LoadContent;
  /** Done between creation and start. */
  readonly prepare?: (id: string) => Promise<void>;
}

/** Creates a container and puts its files in. It does not run yet; whatever fails leaves nothing behind. */
export async function createContainer(context: RunContext, wanted: NewContainer): Promise<string> {
  const { client, call } = context;
  const { template, name, place, address, aliases, hostname, worker, load = loadContent } = wanted;
  const { creation, files } = template;
  let id: string | undefined;
  try {
    id = await client.createContainer(
      {
        ...creation,
        name,
        hostname,
        labels: {
          ...creation.labels,
          [label.address]: address,
          [label.network]: place.home,
          ...(worker !== undefined && { [label.worker]: String(worker) }),
        },
        mounts: creation.mounts.map((each) =>
          marked(each, baseLabels(context.stack, wanted.resource, 'scratch')),
        ),
        networks: await attachmentsOf(context, place, address, aliases),
      },
      call,
    );
    for (const { folder, files: list, ownedByUser } of files) {
      const loaded = await loadFiles(list, load);
      const put = ownedByUser ? await owned(context, id, creation.user, loaded) : loaded;
      await client.putFiles(id, folder, put, call);
    }
    if (template.needsShell) await refuseWithoutShell(context, id, wanted);
    await wanted.prepare?.(id);
    return id;
  } catch (error) {
    if (id !== undefined) await discard(context, id);
    throw id === undefined && engineStatus(error) === 409
      ? await nameTaken(context, wanted, error)
      : explainFiles(context, wanted, error);
  }
}

/**
 * An anonymous volume goes with its container where we remove that; of one that somebody else has removed it stays, and is
 * known by its labels. They are no part of the identity: what they say is in every label of the container already.
 */
function marked(mount: EngineMount, labels: Readonly<Record<string, string>>): EngineMount {
  return mount.type === 'volume' && mount.name === undefined ? { ...mount, labels } : mount;
}

/** Starts a container. A taken port is told with who holds it. */
export async function startContainer(
  context: RunContext,
  resource: string,
  id: string,
  name: string,
): Promise<void> {
  const { client, call, emit } = context;
  try {
    await client.startContainer(id, call);
  } catch (error) {
    throw isPlumbstackError(error, 'PORT_IN_USE') ? await explainPort(context, resource, id, error) : error;
  }
  emit('container:started', { resource: declaredPathOf(context, resource), container: name });
}

/** Creates and starts; whatever fails leaves nothing behind. */
export async function runContainer(context: RunContext, wanted: NewContainer): Promise<string> {
  return startCreated(context, wanted, await createContainer(context, wanted));
}

/** How often a container is made whose like was removed before it could start. */
const attempts = 3;

/**
 * Starts a container that was made; whatever fails leaves nothing behind. One that somebody has removed meanwhile, as
 * `docker container prune` does with all that do not run, is made again. Resolves to the id of the one that runs.
 */
export async function startCreated(
  context: RunContext,
  wanted: NewContainer,
  created: string,
): Promise<string> {
  for (let id = created, attempt = 1; ; attempt++) {
    try {
      await startContainer(context, wanted.resource, id, wanted.name);
      return id;
    } catch (error) {
      await discard(context, id);
      if (!isMissing(error) || attempt === attempts) throw error;
      id = await createContainer(context, wanted);
    }
  }
}

/**
 * Removes what failed. Not under the run's own signal: an aborted run cleans up after itself too. That it could not is no
 * second error: what is left has our labels, and the next run removes it.
 */
export async function discard(context: Pick<RunContext, 'client'>, id: string): Promise<void> {
  await context.client.removeContainer(id).catch(() => undefined);
}

/** Files for the user that the container runs as; a name is looked up in the container's own list of users. */
async function owned(
  context: RunContext,
  id: string,
  user: string | undefined,
  files: readonly PutFile[],
): Promise<readonly PutFile[]> {
  const details = await context.client.inspectContainer(id, context.call);
  const [name = ''] = (user ?? details?.user ?? '').split(':');
  if (name === '' || name === 'root' || name === '0') return files;
  const uid = /^\d+$/.test(name) ? Number(name) : await uidOf(context, id, name);
  return uid === undefined ? files : files.map((each) => ({ ...each, uid }));
}

async function uidOf(context: RunContext, id: string, name: string): Promise<number | undefined> {
  const users = await context.client.readFiles(id, '/etc/passwd', context.call);
  const line = users
    ?.get('passwd')
    ?.toString()
    .split('\n')
    .find((each) => each.startsWith(`${name}:`));
  const uid = Number(line?.split(':')[2]);
  return Number.isSafeInteger(uid) ? uid : undefined;
}

/** The engine's own message would name a file that the program knows nothing of. */
async function refuseWithoutShell(
  context: RunContext,
  id: string,
  { resource, template }: NewContainer,
): Promise<void> {
  const { client, call } = context;
  if ((await client.readFiles(id, shell, call)) !== undefined) return;
  throw new PlumbstackError(
    'START_FAILED',
    `its image has no ${shell}, which puts secrets into the environment.`,
    {
      resource: declaredPathOf(context, resource),
      details: { image: template.creation.image },
      hint: 'Let the program read the file that the secret is in, and leave out env and urlEnv.',
    },
  );
}

async function nameTaken(
  context: RunContext,
  { name, resource }: NewContainer,
  cause: unknown,
): Promise<unknown> {
  const holder = await context.client.inspectContainer(name, context.call);
  if (holder === undefined || isContainerOf(holder, context.stack)) return cause;
  const { id, image, labels } = holder;
  return notOurs(
    { kind: 'container', name, labels, facts: { id, image } },
    declaredPathOf(context, resource),
    cause,
  );
}

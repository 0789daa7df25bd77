import { Stack, type SecretSource, type StackSpec } from '@plumbstack/core';
import { FileDigests } from '@plumbstack/docker/client';
import {
  observeStack,
  surveyStack,
  withFronts,
  type Diff,
  type DockerSpec,
  type ObservedState,
} from '@plumbstack/docker/internal';
import { InMemoryEngine, InMemoryRuntime, type EngineCall } from '@plumbstack/testing';
import { VirtualTime } from '../../engine/virtual-time';
import { secretMarker } from '../compile/compiled';

const configFolder = '/etc/plumbstack';
const baseDir = '/base';

const valueOf = (source: SecretSource): string =>
  `${secretMarker}${source.type === 'file' ? source.path : source.type === 'env' ? source.variable : ''}`;

/** An engine on which a spec is up, and nothing else. */
export async function applied(spec: StackSpec): Promise<InMemoryEngine> {
  const engine = new InMemoryEngine();
  await bringUp(engine, spec);
  return engine;
}

const untouchedEngines = new Map<string, Promise<InMemoryEngine>>();

/** The same once for all tests that change nothing of it. */
export function untouched(spec: StackSpec): Promise<InMemoryEngine> {
  const key = JSON.stringify(spec);
  const engine = untouchedEngines.get(key) ?? applied(spec);
  untouchedEngines.set(key, engine);
  return engine;
}

export async function bringUp(engine: InMemoryEngine, spec: StackSpec): Promise<void> {
  await addImages(engine, spec);
  await using runtime = new InMemoryRuntime({ engine, baseDir, readSecret: valueOf });
  using time = new VirtualTime();
  await time.run('up', 3_600_000, () => runtime.up(Stack.fromSpec(spec)));
}

async function addImages(engine: InMemoryEngine, spec: StackSpec): Promise<void> {
  for (const each of withFronts(spec).resources) {
    if (!('image' in each) || each.image.type !== 'pull') continue;
    const { reference } = each.image;
    if ((await engine.client.inspectImage(reference)) === undefined)
      engine.addImage(reference, { entrypoint: ['/entrypoint'], command: ['serve'] });
  }
}

export interface Compared extends Diff {
  readonly desired: DockerSpec;
  readonly observed: ObservedState;
}

export interface CompareOptions {
  /** Values of secrets that the engine does not make, by name. @default those that they were applied with */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Whether the engine is given the images that it lacks first. @default true */
  readonly hasImages?: boolean;
}

/** Looks and compares, as every verb does. */
export async function compare(
  engine: InMemoryEngine,
  spec: StackSpec,
  { secrets = {}, hasImages = true }: CompareOptions = {},
): Promise<Compared> {
  if (hasImages) await addImages(engine, spec);
  const { diff, ...seen } = await surveyStack(engine.client, spec, {
    ...{ baseDir, addressPool: '10.208.0.0/12', refused: [], proxies: {}, local: false, machine: undefined },
    ...{ digests: new FileDigests(), built: new Map() },
    secretValues: new Map(
      spec.resources.flatMap((each) =>
        each.kind === 'secret' ? [[each.name, secrets[each.name] ?? valueOf(each.source)]] : [],
      ),
    ),
  });
  return { ...seen, ...diff };
}

export function observe(engine: InMemoryEngine, stack = 'shop'): Promise<ObservedState> {
  return observeStack(engine.client, stack, {});
}

/** What is to be done, as `action kind name`; the network is called as its stack. */
export function doings({ plan }: Pick<Diff, 'plan'>): readonly string[] {
  return plan.steps
    .filter(({ action }) => action !== 'keep')
    .map(({ action, kind, resource }) => `${action} ${kind} ${resource.slice(resource.indexOf('/') + 1)}`);
}

/** Why, by path. */
export function reasonsOf(
  { plan }: Pick<Diff, 'plan'>,
  resource: string,
): Readonly<Record<string, readonly [unknown, unknown]>> {
  const reasons = plan.steps
    .filter((each) => each.resource.endsWith(`/${resource}`))
    .flatMap((each) => each.reasons);
  return Object.fromEntries(reasons.map(({ path, from, to }) => [path, [from, to]]));
}

/** The labels of a container, for a test to change: on an engine that takes another container of that name. */
export function labelsOf(engine: InMemoryEngine, container: string): Record<string, string> {
  const found = engine.objects.find(({ kind, name }) => kind === 'container' && name === container);
  if (found === undefined) throw new RangeError(`no container ${container}`);
  return found.labels;
}

export function configOf(engine: InMemoryEngine, proxy: string, path: string): string {
  return engine.readFile(proxy, `${configFolder}/${path}`) ?? '';
}

export async function configure(
  { client }: InMemoryEngine,
  container: string,
  files: Readonly<Record<string, string | Buffer>>,
  folder = configFolder,
): Promise<void> {
  const put = Object.entries(files).map(([path, content]) => ({
    ...{ path, content: Buffer.from(content), mode: 0o400, uid: 0, gid: 0 },
  }));
  await client.putFiles(container, folder, put);
}

/** From now on, what the engine answers is changed first: for what no engine lets anybody do to it. */
export function retold(engine: InMemoryEngine, change: (answer: unknown, call: EngineCall) => void): void {
  engine.onCall(async (call, proceed) => {
    const answer = await proceed();
    change(answer, call);
    return answer;
  });
}

interface Listed {
  name?: string;
  id?: string;
  imageId?: string;
  labels?: unknown;
}

/** The same of one of its lists. */
export function relist(
  engine: InMemoryEngine,
  list: 'listContainers' | 'listNetworks' | 'listVolumes',
  change: (all: Listed[]) => void,
): void {
  retold(engine, (answer, { method }) => {
    if (method === list && Array.isArray(answer)) change(answer as Listed[]);
  });
}

/** From now on, a proxy's configuration is read without a file, or without any; without a name, every proxy's is. */
export function lose(engine: InMemoryEngine, proxy?: string, file?: string): void {
  const id = engine.containers.find(({ name }) => name === proxy)?.id;
  retold(engine, (answer, { method, args: [container, path] }) => {
    if (method !== 'readFiles' || !String(path).startsWith(configFolder) || !(answer instanceof Map)) return;
    if (proxy !== undefined && container !== id) return;
    for (const each of [...answer.keys()]) if (file === undefined || each === file) answer.delete(each);
  });
}

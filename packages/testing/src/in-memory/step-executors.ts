import { isPlumbstackError, PlumbstackError, type SecretSource, type StepAction } from '@plumbstack/core';
import { removeContainer, runContainer, startContainer } from './containers.js';
import type { DesiredResource } from './desired-stack.js';
import type {
  ContainerRecord,
  PoolRecord,
  ResourceRecord,
  SecretRecord,
  WorkerVersion,
} from './engine-state.js';
import { canonical } from './fingerprint.js';
import { resize, restartWorker, roll, shrink, workersOf } from './pool-workers.js';
import { publishedBy } from './published.js';
import { removeResource } from './remove-stack.js';
import { pathOf, stackRecord, type Run } from './run.js';
import { generateSecret, givenSecrets, type SecretValues } from './secret-values.js';

/** A step that makes or changes something. */
export type Making = Exclude<StepAction, 'keep' | 'delete'>;
type DesiredOf<K extends DesiredResource['kind']> = Extract<DesiredResource, { kind: K }>;

const done: Readonly<Record<Making, 'resource:created' | 'resource:updated' | 'resource:replaced'>> = {
  create: 'resource:created',
  update: 'resource:updated',
  replace: 'resource:replaced',
};

/** Makes one resource what it is described as. */
export async function execute(
  run: Run,
  action: Making,
  desired: DesiredResource,
  values: SecretValues,
): Promise<void> {
  const path = pathOf(run, desired.name);
  const record = stackRecord(run).resources.get(desired.name);
  if (record !== undefined && record.spec.kind !== desired.kind) await removeResource(run, desired.name);
  strike(run, action, desired);
  switch (desired.kind) {
    case 'volume':
      makeVolume(run, desired);
      break;
    case 'secret':
      makeSecret(run, desired, values);
      break;
    case 'app':
    case 'service':
      makeContainer(run, action, desired);
      break;
    case 'pool':
      await makePool(run, action, desired);
      break;
    case 'router':
      makeRouter(run, action, desired);
      break;
  }
  run.emit(done[action], { resource: path });
}

function strike(run: Run, action: Making, desired: DesiredResource): void {
  const resource = pathOf(run, desired.name);
  try {
    run.state.failures.strike(resource);
  } catch (error) {
    const reason = isPlumbstackError(error) ? error.code : 'UNKNOWN';
    const rolledBack =
      desired.kind === 'pool' && action === 'replace' && desired.spec.update.onFailure === 'rollback';
    if (rolledBack) run.emit('update:rolledback', { resource, reason });
    throw error;
  }
}

function makeVolume({ state, stack }: Run, { name, spec }: DesiredOf<'volume'>): void {
  const { driver, driverOptions } = spec;
  state.volumes.set(`${stack}/${name}`, { stack, name, driver, driverOptions });
}

function makeSecret(run: Run, { name, spec }: DesiredOf<'secret'>, values: SecretValues): void {
  const path = pathOf(run, name);
  const before = run.state.secrets.get(path);
  const { source } = spec;
  const generated = source.type === 'generate';
  const value = generated ? generatedValue(source, before) : values.get(name);
  if (value === undefined) {
    throw new PlumbstackError('NOT_FOUND', 'the value of this secret is in another process.', {
      resource: path,
      hint: 'Bring the stack up where its program made the secret, or use { file } or { env }.',
    });
  }
  run.state.secrets.set(path, {
    stack: run.stack,
    name,
    value,
    generated,
    ...(generated && { rotation: source.rotation }),
    version: (before?.version ?? 0) + 1,
  });
}

function generatedValue(
  { bytes, rotation }: Extract<SecretSource, { type: 'generate' }>,
  before: SecretRecord | undefined,
): string {
  return before?.rotation === rotation ? before.value : generateSecret(bytes);
}

function makeContainer(run: Run, action: Making, desired: DesiredOf<'app' | 'service'>): void {
  const { name, spec, secrets } = desired;
  publish(run, desired, { replicas: 1 });
  const [old] = run.state.containersOf(run.stack, name);
  if (action === 'update' && old !== undefined) {
    old.spec = spec;
    if (old.state !== 'running') startContainer(run, old);
    return;
  }
  if (old !== undefined) removeContainer(run, old);
  runContainer(run, {
    name: `${run.stack}-${name}`,
    resource: name,
    role: spec.kind,
    image: spec.image,
    spec,
    secrets: givenSecrets(run.state, run.stack, secrets),
  });
}

async function makePool(run: Run, action: Making, desired: DesiredOf<'pool'>): Promise<void> {
  const { name, spec, app, secrets } = desired;
  const version: WorkerVersion = { app, secrets: givenSecrets(run.state, run.stack, secrets) };
  const resource = pathOf(run, name);
  const before = stackRecord(run).resources.get(name)?.spec;
  const count = workersOf(run, name).length;
  const record = publish(run, desired, { replicas: spec.replicas });
  const last = record.workers ?? version;
  record.workers = last;
  makeProxy(run, action, name, before);
  for (const worker of workersOf(run, name)) if (worker.state !== 'running') await restartWorker(run, worker);
  await shrink(run, name, spec.replicas);
  await roll(run, spec, version, outdated(run, name, version));
  await resize(run, name, version, spec.replicas);
  record.workers = version;
  if (before?.kind === 'pool' && canonical(last) !== canonical(version))
    record.before = { ...last, health: before.health };
  if (before === undefined) return;
  if (count !== spec.replicas) run.emit('pool:scaled', { resource, from: count, to: spec.replicas });
  if (canonical({ ...before, replicas: 0 }) !== canonical({ ...spec, replicas: 0 }))
    run.emit('pool:reloaded', { resource });
}

/** Brings a pool's workers back to the version before, and remembers the one they leave. */
export async function rollBack(run: Run, record: PoolRecord): Promise<void> {
  const { name, spec, workers, before } = record;
  if (before === undefined) {
    throw new PlumbstackError('NOT_FOUND', 'no version before this one is known.', {
      resource: pathOf(run, name),
      hint: 'A pool remembers one version: the one that served before the last update that came up. Bring the program of the version that you want up.',
    });
  }
  run.state.failures.strike(pathOf(run, name));
  const { health, ...version } = before;
  await roll(run, spec, version, workersOf(run, name));
  Object.assign(record, {
    workers: version,
    spec: { ...spec, health },
    before: { ...workers, health: spec.health },
  });
}

function outdated(run: Run, name: string, version: WorkerVersion): readonly ContainerRecord[] {
  const wanted = canonical(version);
  return workersOf(run, name).filter(
    (each) => canonical({ app: each.spec, secrets: each.secrets }) !== wanted,
  );
}

function makeRouter(run: Run, action: Making, desired: DesiredOf<'router'>): void {
  const { name, spec, secrets } = desired;
  const before = stackRecord(run).resources.get(name);
  const { spec: specBefore, secrets: secretsBefore } = before ?? {};
  const record = publish(run, desired, { replicas: 1 });
  record.secrets = givenSecrets(run.state, run.stack, secrets);
  makeProxy(run, action, name, specBefore);
  const changed = canonical([specBefore, secretsBefore]) !== canonical([spec, record.secrets]);
  if (action === 'update' && changed) run.emit('router:reloaded', { resource: pathOf(run, name) });
}

/** Keeps, starts or replaces a pool's or a router's proxy: it is new where its image or its ports are. */
function makeProxy(run: Run, action: Making, name: string, before: ResourceRecord['spec'] | undefined): void {
  const { spec } = stackRecord(run).resources.get(name) as ResourceRecord;
  const old = run.state.containersOf(run.stack, name).find(({ role }) => role === 'proxy');
  const fixed = (each: ResourceRecord['spec'] | undefined): string =>
    canonical(each === undefined ? {} : [each.image, publishedBy(each), 'root' in each && each.root]);
  if (old !== undefined && (action !== 'replace' || fixed(before) === fixed(spec))) {
    if (old.state !== 'running') startContainer(run, old);
    return;
  }
  if (old !== undefined) removeContainer(run, old);
  runContainer(run, {
    name: `${run.stack}-${name}`,
    resource: name,
    role: 'proxy',
    image: spec.image,
    secrets: {},
  });
}

/** Takes the resource's ports, and then keeps it on record. */
function publish(
  run: Run,
  { name, spec }: DesiredOf<'app' | 'service' | 'pool' | 'router'>,
  { replicas }: Pick<ResourceRecord, 'replicas'>,
): ResourceRecord {
  run.state.ports.bind(pathOf(run, name), publishedBy(spec));
  const { resources } = stackRecord(run);
  const record: ResourceRecord = resources.get(name) ?? { name, spec, replicas, secrets: {} };
  Object.assign(record, { spec, replicas });
  resources.set(name, record);
  return record;
}

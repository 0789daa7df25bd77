import type { StackSpec } from '@plumbstack/core';
import type { LifecycleEmitter } from '@plumbstack/events';
import { secretCensor } from './apply/hide-secrets.js';
import { withNames } from './apply/known-names.js';
import { takeLease, type Lease } from './apply/lease.js';
import { existingNetworks, type Networks } from './apply/networks.js';
import { reachOf, type Reach } from './apply/reach.js';
import { takeTurns, type Emit, type RunContext } from './apply/run-context.js';
import type { DockerClient, EngineInfo } from './client/docker-client.js';

import { FileDigests } from './client/file-digests.js';
import { formatAddress, isIPv4Subnet, parseSubnet } from './compile/ipv4.js';
import type { RouterUnit } from './compile/docker-spec.js';
import type { ResolvedOptions } from './docker-runtime-options.js';
import type { ObservedState } from './plan/observed-state.js';
import type { BuiltImage } from './observe/read-inputs.js';
import type { SecretValues } from './observe/read-secrets.js';
import { surveyStack, type Survey } from './survey.js';
import { noting, OwnWork } from './watch/own-work.js';
import { Watcher } from './watch/watcher.js';

/** What a runtime and its deployments share. */
export interface SessionParts {
  readonly client: DockerClient;
  readonly engine: EngineInfo;
  readonly options: ResolvedOptions;
  readonly emitter: LifecycleEmitter;
  readonly work: OwnWork;
  readonly watcher: Watcher;
  /** Of build contexts: one run looks at them three times. */
  readonly digests: FileDigests;
}

/** What a runtime and its deployments share: one engine, one event source, the options. */
export class EngineSession {
  readonly client: DockerClient;
  readonly engine: EngineInfo;
  readonly options: ResolvedOptions;
  readonly emitter: LifecycleEmitter;
  /** What this process does itself: the watcher need not tell it once more. */
  readonly work: OwnWork;
  readonly watcher: Watcher;
  readonly #parts: SessionParts;

  private constructor(parts: SessionParts) {
    this.#parts = parts;
    const { client, engine, options, emitter, work, watcher } = parts;
    this.client = client;
    this.engine = engine;
    this.options = options;
    this.emitter = emitter;
    this.work = work;
    this.watcher = watcher;
  }

  static start({
    client,
    engine,
    options,
    emitter,
  }: Omit<SessionParts, 'work' | 'watcher' | 'digests'>): EngineSession {
    const work = new OwnWork();
    const watcher = new Watcher({
      client,
      work,
      tell: (stack, name, payload) => void emitter.emit(stack, name, payload),
      isLocal: isLocal(engine),
      demand: emitter.demand,
    });
    return new EngineSession({
      client: noting(withNames(client), work),
      engine,
      options,
      emitter,
      work,
      watcher,
      digests: new FileDigests(),
    });
  }

  /** Whether the engine may run on this machine: another machine's may have the same addresses for other containers. */
  get isLocal(): boolean {
    return isLocal(this.engine);
  }

  /** This run's turn to change a stack, once everybody before it has had theirs. */
  lease(stack: string, signal: AbortSignal): Promise<Lease> {
    const { concurrency } = this.options;
    return takeLease(this.client, stack, { signal, emit: this.emit(stack), concurrency });
  }

  /** The same engine, changed only while a lease is held. */
  under({ client }: Pick<Lease, 'client'>): EngineSession {
    return new EngineSession({ ...this.#parts, client });
  }

  emit(stack: string): Emit {
    return (name, payload) => {
      this.emitter.emit(stack, name, payload);
    };
  }

  /** Of build contexts: one run looks at them three times. */
  get digests(): FileDigests {
    return this.#parts.digests;
  }

  /** @param run what a run has learned and made, where it is one that looks */
  survey(
    spec: StackSpec,
    secretValues: SecretValues,
    signal: AbortSignal,
    { refused, built, machine }: RunMemory = { refused: [], built: new Map() },
  ): Promise<Survey> {
    const { baseDir, addressPool } = this.options;
    return surveyStack(this.client, spec, {
      baseDir,
      addressPool,
      secretValues,
      refused,
      built,
      machine,
      proxies: this.engine.proxies ?? {},
      local: this.isLocal,
      digests: this.digests,
      signal,
    });
  }

  run(observed: ObservedState, signal: AbortSignal, parts: RunParts): RunContext {
    return {
      client: this.client,
      stack: observed.stack,
      observed,
      networks: parts.networks ?? existingNetworks(observed),
      reach: this.isLocal ? lazyReach(new Set(parts.gateways)) : () => 'from-inside',
      signal,
      call: { signal },
      emit: this.emit(observed.stack),
      censor: secretCensor(this.client, observed.stack, parts.secrets ?? [], { signal }),
      active: { ...parts.active },
      routers: parts.routers,
      inTurn: takeTurns(),
    };
  }

  /** A run from what is seen alone, for verbs that need no program: no router changes. */
  look(observed: ObservedState, signal: AbortSignal): RunContext {
    const subnets = observed.networks.flatMap((each) => each.subnets).filter(isIPv4Subnet);
    const gateways = subnets.map((each) => formatAddress(parseSubnet(each).base + 1));
    return this.run(observed, signal, { gateways, active: {}, routers: [] });
  }
}

function isLocal({ address }: EngineInfo): boolean {
  return address.startsWith('unix:');
}

/** What a run knows that no look shows. */
export interface RunMemory {
  /** Subnets that the engine does not take for a network, whatever it lists. */
  readonly refused: string[];
  /** By resource, the images that it has built, or found. */
  readonly built: Map<string, BuiltImage>;
  /** Networks that the engine's machine reaches itself, where that cannot be seen from here. */
  machine?: readonly string[];
}

export interface RunParts {
  readonly gateways: readonly string[];
  readonly active: Readonly<Record<string, string>>;
  readonly routers: readonly RouterUnit[];
  /** Values that no error may show, beside those that containers have been given. */
  readonly secrets?: readonly Buffer[];
  /** @default those that are there */
  readonly networks?: Networks;
}

/** Asked anew until a network is there: a run may be about to make it. */
function lazyReach(gateways: ReadonlySet<string>): () => Reach {
  let reach: Reach = 'from-inside';
  return () => {
    if (reach !== 'direct') reach = reachOf(gateways);
    return reach;
  };
}

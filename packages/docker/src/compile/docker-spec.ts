import type { AppSpec, HealthSpec, PoolSpec, StackSpec } from '@plumbstack/core';
import type { ContainerCreation, NetworkCreation, PutFile, VolumeCreation } from '../client/docker-client.js';
import type { TemplateFile } from './content.js';
import type { HaproxyModel, NginxModel } from '../proxy/proxy-model.js';
import type { AddressPlan, Attachment } from './address-plan.js';

/** A whole stack in the engine's shapes: what should be there. */
export interface DockerSpec {
  readonly stack: string;
  readonly spec: StackSpec;
  readonly addresses: AddressPlan;
  readonly networks: readonly NetworkUnit[];
  readonly volumes: readonly VolumeUnit[];
  /** A volume without content, whose labels say what belongs to the stack. */
  readonly inventory: VolumeCreation;
  /** Secrets that are made up here. */
  readonly generated: readonly GeneratedSecret[];
  readonly images: readonly ImageUnit[];
  /** Apps that run by themselves, services, pools and routers, dependencies first. */
  readonly units: readonly Unit[];
}

export type Unit = AppUnit | ServiceUnit | PoolUnit | RouterUnit;

export interface NetworkUnit {
  /** Whose it is; empty for the one of the whole stack, `a/b` for that of `a` and `b`, which it depends on. */
  readonly resource: string;
  readonly creation: NetworkCreation;
}

export interface VolumeUnit {
  readonly resource: string;
  readonly creation: VolumeCreation;
}

export interface GeneratedSecret {
  readonly resource: string;
  /** Whether its value is there to be read; it is made, or found again, otherwise. */
  readonly isKnown: boolean;
  readonly rotation: number;
  /** The rotation that its value on the engine was made with, where that can be read. */
  readonly kept?: number;
  /** Why there must be another value. */
  readonly due?: string;
  /** Where another value comes from, where it is not made here. */
  readonly from?: string;
}

/** An image that a resource needs, and what has to be done for it. */
export interface ImageUnit {
  readonly resource: string;
  readonly image: ResolvedImage;
}

/** What is known of an image before anything is changed. */
export interface ResolvedImage {
  /** Reference to pull, or tag to build. */
  readonly reference: string;
  /** Unset while the engine does not have it. */
  readonly id?: string;
  readonly action: 'none' | 'pull' | 'build';
  /** Of one that is built: what its context is made of, by path. */
  readonly code?: Readonly<Record<string, string>>;
  /** User that its containers run as, for the ownership of secrets. */
  readonly user: string;
  readonly hasHealthcheck: boolean;
  /** What its containers run where nothing else is said. */
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
}

/** A container without what differs from copy to copy: its name and its address. */
export interface ContainerTemplate {
  readonly creation: Omit<ContainerCreation, 'name' | 'networks'>;
  /** By folder, put in between creation and start. Secrets among them: never printed, never part of `identity`. */
  readonly files: readonly FolderFiles[];
  /** Plain data that the digest is made of and the plan's reasons compare. Holds no secret. */
  readonly identity: Readonly<Record<string, unknown>>;
  readonly digest: string;
  /** Whether `/bin/sh` of the image starts its program. */
  readonly needsShell: boolean;
  /** Commands that its predecessor has to pass before it is stopped: they look at what is mounted into both. @default none */
  readonly checks?: readonly (readonly string[])[];
}

export interface FolderFiles {
  readonly folder: string;
  readonly files: readonly TemplateFile[];
  /** Whether they belong to the user that the container runs as, rather than to root. */
  readonly ownedByUser: boolean;
}

interface UnitBase {
  readonly resource: string;
  /** Resources that must be healthy first. */
  readonly dependsOn: readonly string[];
  /** Network that its fixed addresses are of, and that its published ports go through. */
  readonly home: string;
  /** Networks that its container is in beside it. */
  readonly guests: readonly Attachment[];
  readonly aliases: readonly string[];
  readonly container: ContainerTemplate;
  /** Whether the container itself holds host ports, so that old and new cannot run at once. */
  readonly publishes: boolean;
  readonly startTimeoutMs: number;
}

export interface AppUnit extends UnitBase {
  readonly kind: 'app';
  readonly addresses: readonly string[];
  readonly port: number;
  readonly health: HealthSpec;
  readonly stopGraceMs: number;
  readonly updateOrder: AppSpec['updateOrder'];
  readonly drainTimeoutMs: number;
}

export interface ServiceUnit extends UnitBase {
  readonly kind: 'service';
  readonly addresses: readonly string[];
  readonly health?: HealthSpec;
  readonly stopGraceMs: number;
}

export interface PoolUnit extends UnitBase {
  readonly kind: 'pool';
  /** Of the HAProxy. */
  readonly addresses: readonly string[];
  readonly port: number;
  readonly spec: PoolSpec;
  /** Where the program got its workers' image from: a reference, or the folder of a build. Of a recorded pool it is elsewhere. */
  readonly source?: string;
  readonly worker: WorkerUnit;
  readonly config: ProxyConfig<HaproxyModel>;
}

export interface WorkerUnit {
  /** Networks that each worker is in beside the pool's. */
  readonly guests: readonly Attachment[];
  readonly container: ContainerTemplate;
  readonly slots: readonly string[];
  readonly port: number;
  readonly health: HealthSpec;
  readonly startTimeoutMs: number;
  readonly stopGraceMs: number;
}

export interface RouterUnit extends UnitBase {
  readonly kind: 'router';
  readonly addresses: readonly string[];
  readonly port: number;
  readonly config: ProxyConfig<RouterModel>;
}

/** nginx's model but for the addresses, which depend on what serves at the moment. */
export type RouterModel = Omit<NginxModel, 'revision' | 'routes'> & {
  readonly routes: readonly (Omit<NginxModel['routes'][number], 'target'> & {
    readonly target:
      | (Omit<UpstreamTarget, 'type' | 'servers'> & { readonly type: 'unit'; readonly port: number })
      | { readonly type: 'redirect'; readonly to: string; readonly status: number };
  })[];
};

type UpstreamTarget = Extract<NginxModel['routes'][number]['target'], { type: 'upstream' }>;

export interface ProxyConfig<M> {
  readonly volume: VolumeCreation;
  readonly model: M;
  /** Files beside the configuration itself, as TLS keys. */
  readonly files: readonly PutFile[];
  /** Files that are called by what they hold, as pages: never changed, and of any size. */
  readonly contents: readonly TemplateFile[];
  /** Resources that it sends requests to. */
  readonly targets: readonly string[];
}

import type { ContainerState } from '@plumbstack/core';
import type {
  ContainerCreation,
  ContainerDetails,
  ContainerUpdate,
  EngineLogLine,
  ImageDetails,
  NetworkAttachment,
  NetworkCreation,
  PublishedPort,
  VolumeCreation,
} from '@plumbstack/docker/client';
import type { Files } from './files.js';
import type { ProxyProcess } from './proxy-process.js';

/** A container as the engine has it. What changes is changed by `ContainerLife` alone. */
export interface EngineObject {
  readonly id: string;
  name: string;
  readonly creation: ContainerCreation;
  readonly imageId: string;
  readonly createdAt: string;
  state: ContainerState;
  health: ContainerDetails['health'];
  healthOutput: string[];
  exitCode: number;
  oomKilled: boolean;
  error: string;
  /** RFC 3339 with nanoseconds; the year 1 where it never was. */
  startedAt: string;
  finishedAt: string;
  restartCount: number;
  /** Counts its starts: what was begun for one life ends with it. */
  life: number;
  /** Whether what it runs takes connections now. */
  answers: boolean;
  settings: ContainerUpdate;
  /** By network name, in the order in which it was connected. */
  readonly endpoints: Map<string, Endpoint>;
  /** Host ports that it holds while it runs. */
  ports: readonly PublishedPort[];
  /** What it has written to its own layer. */
  readonly layer: Files;
  /** Names of its volumes by the path where they are mounted, anonymous ones too. */
  readonly volumes: ReadonlyMap<string, string>;
  readonly lines: EngineLogLine[];
  /** What its proxy does, while it runs. */
  proxy: ProxyProcess | undefined;
}

export interface Endpoint {
  readonly networkId: string;
  readonly attachment: NetworkAttachment;
  /** While it runs. */
  address: string | undefined;
}

export interface NetworkObject {
  readonly id: string;
  readonly creation: NetworkCreation;
}

export interface VolumeObject {
  readonly creation: VolumeCreation;
  readonly files: Files;
  readonly isAnonymous: boolean;
}

export interface ImageObject extends Omit<ImageDetails, 'tags' | 'taggedAt'> {
  readonly tags: Set<string>;
  taggedAt: Date | undefined;
}

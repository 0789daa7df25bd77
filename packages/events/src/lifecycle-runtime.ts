import type { Deployment, Runtime } from '@plumbstack/core';
import type { LifecycleSource } from './lifecycle-source.js';

/** A runtime that tells what happens as events of this package. */
export type LifecycleRuntime = Runtime<LifecycleSource>;

/** A deployment of such a runtime; its events are those of its own stack. */
export type LifecycleDeployment = Deployment<LifecycleSource>;

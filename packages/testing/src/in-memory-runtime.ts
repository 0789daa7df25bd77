import {
  downOptions,
  PlumbstackError,
  upOptions,
  waitOptions,
  type Deployment,
  type DownOptions,
  type Plan,
  type PlanOptions,
  type Runtime,
  type Stack,
  type StackSummary,
  type UpOptions,
  type WaitOptions,
} from '@plumbstack/core';
import { LifecycleEmitter, type LifecycleSource } from '@plumbstack/events';
import { engineState, InMemoryEngine } from './in-memory-engine.js';
import { orAborted, withDeadline } from './in-memory/abortable.js';
import { applyPlan } from './in-memory/apply-plan.js';
import { desiredStack } from './in-memory/desired-stack.js';
import { failureOf } from './in-memory/failure-of.js';
import { InMemoryDeployment } from './in-memory/in-memory-deployment.js';
import { findStack } from './in-memory/look-up.js';
import { planStack } from './in-memory/plan-stack.js';
import { removeStack } from './in-memory/remove-stack.js';
import { inTurn, type RuntimeContext } from './in-memory/run.js';
import { secretValues, standIn, type ReadSecret } from './in-memory/secret-values.js';
import { stackSummary } from './in-memory/stack-status.js';

export interface InMemoryRuntimeOptions {
  /** The engine; several runtimes may share one. @default one of its own */
  readonly engine?: InMemoryEngine;
  /**
   * Values of secrets that come from a file or the environment.
   * @default neither is read: the value is `file:` and the path, or `env:` and the variable's name
   */
  readonly readSecret?: ReadSecret;
}

/**
 * Every verb of a runtime over an engine that is data: for the tests of programs that use plumbstack. A stack is up at
 * once; nothing listens at its endpoints. What a test does to the world is on {@link InMemoryRuntime.engine}.
 *
 * @example
 * const runtime = new InMemoryRuntime();
 * await using deployment = await runtime.up(stack);
 * runtime.engine.crash('demo-workers-2', { staysDown: true });
 */
export class InMemoryRuntime implements Runtime<LifecycleSource> {
  readonly engine: InMemoryEngine;
  readonly #context: RuntimeContext;
  readonly #readSecret: ReadSecret;

  constructor({ engine = new InMemoryEngine(), readSecret = standIn }: InMemoryRuntimeOptions = {}) {
    const state = engine[engineState];
    const emitter = new LifecycleEmitter({ now: state.now });
    this.engine = engine;
    this.#readSecret = readSecret;
    this.#context = { state, emitter, holder: `in-memory runtime ${state.observers.size + 1}` };
    state.observers.add((stack, name, payload) => void emitter.emit(stack, name, payload));
  }

  get events(): LifecycleSource {
    return this.#context.emitter.source;
  }

  async plan(stack: Stack, options: PlanOptions = {}): Promise<Plan> {
    const desired = desiredStack(stack.toSpec());
    return withDeadline(`plan of the stack "${stack.name}"`, waitOptions('plan', options), () =>
      Promise.resolve(planStack(desired, secretValues(stack, this.#readSecret), this.#context.state)),
    );
  }

  async up(stack: Stack, given: UpOptions = {}): Promise<Deployment<LifecycleSource>> {
    const options = upOptions(given);
    const desired = desiredStack(stack.toSpec());
    const values = secretValues(stack, this.#readSecret);
    options.signal?.throwIfAborted();
    await this.#told('up', stack.name, () =>
      inTurn(this.#context, stack.name, 'up', options, async (run) => {
        const plan = planStack(desired, values, run.state);
        run.emit('stack:up:planned', { plan });
        if (options.plan !== undefined) checkFresh(options.plan, plan);
        if (!plan.isEmpty && options.confirm !== undefined) {
          const { confirm } = options;
          const agreed = await orAborted((async () => confirm(plan))(), run.signal);
          if (!agreed) throw notConfirmed(stack.name);
        }
        await applyPlan(run, plan, desired, values);
      }),
    );
    return this.#deployment(stack.name);
  }

  async attach(stackName: string, options: WaitOptions = {}): Promise<Deployment<LifecycleSource>> {
    return withDeadline('attach', waitOptions('attach', options), () => {
      findStack(this.#context.state, stackName);
      return Promise.resolve(this.#deployment(stackName));
    });
  }

  async list(options: WaitOptions = {}): Promise<readonly StackSummary[]> {
    const { state } = this.#context;
    return withDeadline('list', waitOptions('list', options), () =>
      Promise.resolve([...state.stacks.values()].map((each) => stackSummary(state, each))),
    );
  }

  async down(stack: Stack | string, given: DownOptions = {}): Promise<void> {
    const options = downOptions(given);
    const name = typeof stack === 'string' ? stack : stack.name;
    options.signal?.throwIfAborted();
    await this.#told('down', name, () =>
      inTurn(this.#context, name, 'down', options, (run) => removeStack(run, options)),
    );
  }

  #deployment(stack: string): Deployment<LifecycleSource> {
    return new InMemoryDeployment(stack, this.#context, this.engine, (options) => this.down(stack, options));
  }

  /** Tells a verb's beginning and how it ended. */
  async #told(verb: 'up' | 'down', stack: string, work: () => Promise<void>): Promise<void> {
    const { emitter, state } = this.#context;
    const began = state.now().getTime();
    const durationMs = (): number => state.now().getTime() - began;
    emitter.emit(stack, `stack:${verb}:started`, {});
    try {
      await work();
    } catch (error) {
      emitter.emit(stack, `stack:${verb}:failed`, { ...failureOf(error), durationMs: durationMs() });
      throw error;
    }
    emitter.emit(stack, `stack:${verb}:finished`, { durationMs: durationMs() });
  }
}

function checkFresh(given: Plan, now: Plan): void {
  if (given.stack === now.stack && given.fingerprint === now.fingerprint) return;
  throw new PlumbstackError(
    'PLAN_STALE',
    `the plan is no longer what would be done to the stack "${now.stack}".`,
    {
      details: { stack: now.stack, given: given.fingerprint, now: now.fingerprint },
      hint: 'Plan again, and look at what is different.',
    },
  );
}

function notConfirmed(stack: string): PlumbstackError {
  return new PlumbstackError(
    'NOT_CONFIRMED',
    `the plan of the stack "${stack}" was not confirmed; nothing was done.`,
    {
      details: { stack },
    },
  );
}

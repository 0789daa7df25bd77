import assert from 'node:assert/strict';
import { isPlumbstackError, type PlumbstackError, type PlumbstackErrorCode } from '@plumbstack/core';
import type {
  Deployment,
  Plan,
  ResourceStatus,
  Runtime,
  Stack,
  StackStatus,
  StepAction,
} from '@plumbstack/core';

/** The error of this code that the work rejects with; fails for any other outcome. */
export async function rejection(work: Promise<unknown>, code: PlumbstackErrorCode): Promise<PlumbstackError> {
  const error = await work.then(
    () => assert.fail(`was expected to reject with ${code}, and resolved`),
    (reason: unknown) => reason,
  );
  if (!isPlumbstackError(error, code)) throw error;
  return error;
}

/** The error of this code that the work throws. */
export function refusal(work: () => unknown, code: PlumbstackErrorCode): PlumbstackError {
  try {
    work();
  } catch (error) {
    if (isPlumbstackError(error, code)) return error;
    throw error;
  }
  return assert.fail(`was expected to throw ${code}, and returned`);
}

/** An error names a thing where its message, hint included, has it. */
export function assertNames(error: PlumbstackError, name: string): void {
  assert.ok(
    error.message.includes(name),
    `the error does not name ${JSON.stringify(name)}: ${error.message}`,
  );
}

/** Nothing is left to do. */
export async function assertConverged(runtime: Runtime, stack: Stack): Promise<void> {
  const plan = await runtime.plan(stack);
  assert.ok(plan.isEmpty, `the plan is not empty:\n${plan.toString()}`);
}

/** The stack is not up, from anybody's point of view. */
export async function assertAbsent(runtime: Runtime, stack: string): Promise<void> {
  await rejection(runtime.attach(stack), 'NOT_FOUND');
  const names = (await runtime.list()).map((each) => each.stack);
  assert.ok(!names.includes(stack), `${stack} is still listed`);
}

export function actionOf(plan: Plan, resource: string): StepAction | undefined {
  return plan.steps.find((step) => step.resource === `${plan.stack}/${resource}`)?.action;
}

export async function resourceStatus(deployment: Deployment, name: string): Promise<ResourceStatus> {
  return resourceIn(await deployment.status(), name);
}

export function resourceIn(status: StackStatus, name: string): ResourceStatus {
  const { stack, resources } = status;
  const found = resources.find(({ resource }) => resource === `${stack}/${name}`);
  return found ?? assert.fail(`the status has no ${stack}/${name}: ${JSON.stringify(status)}`);
}

/** Ids of what a resource runs, without its proxy. */
export function idsOf({ containers }: ResourceStatus): readonly string[] {
  return containers.filter(({ role }) => role !== 'proxy').map(({ id }) => id);
}

/** A status without what changes by itself. */
export function steady({ stack, healthy, resources }: StackStatus): unknown {
  return {
    stack,
    healthy,
    resources: resources.map(({ containers, ...rest }) => ({
      ...rest,
      containers: containers.map(({ id, name, role, state, startedAt }) => ({
        id,
        name,
        role,
        state,
        startedAt,
      })),
    })),
  };
}

/** An app's options with one environment variable. */
export function withEnv<A extends object>(
  app: A,
  value: string,
): A & { readonly env: Readonly<Record<string, string>> } {
  return { ...app, env: { CONFORMANCE: value } };
}

import { PlumbstackError, type Plan, type Step } from '@plumbstack/core';
import { breathe } from './abortable.js';
import type { DesiredResource, DesiredStack } from './desired-stack.js';
import { publishedBy } from './published.js';
import { removeResource, removeSecret } from './remove-stack.js';
import { asStep, pathOf, stackRecord, type Run } from './run.js';
import type { SecretValues } from './secret-values.js';
import { execute } from './step-executors.js';

/**
 * Does what a plan says. A step that fails keeps those from beginning that need its resource, and no others; what was
 * done stays. Several failures are thrown together, as `RUN_FAILED`.
 */
export async function applyPlan(
  run: Run,
  plan: Plan,
  desired: DesiredStack,
  values: SecretValues,
): Promise<void> {
  const byPath = new Map(desired.resources.map((each) => [pathOf(run, each.name), each]));
  const failed = new Set<string>();
  const errors: unknown[] = [];
  stackRecord(run).wanted = desired.resources;
  releasePorts(run, plan, byPath);
  for (const step of plan.steps) {
    if (step.action === 'keep') continue;
    await breathe(run.signal);
    const target = byPath.get(step.resource);
    const blocker = target?.needs.map((name) => pathOf(run, name)).find((path) => failed.has(path));
    if (blocker !== undefined) {
      run.emit('step:skipped', { resource: step.resource, because: `${blocker} failed` });
      failed.add(step.resource);
      continue;
    }
    try {
      await asStep(run, step, () => perform(run, step, target, values));
    } catch (error) {
      run.signal.throwIfAborted();
      failed.add(step.resource);
      errors.push(error);
    }
  }
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw runFailed(run.stack, errors);
}

async function perform(
  run: Run,
  step: Step,
  target: DesiredResource | undefined,
  values: SecretValues,
): Promise<void> {
  const { action, kind, resource } = step;
  if (action === 'keep') return;
  if (action !== 'delete' && target !== undefined) return execute(run, action, target, values);
  run.state.failures.strike(resource);
  const name = resource.slice(run.stack.length + 1);
  if (kind === 'secret') removeSecret(run, name);
  else await removeResource(run, name);
}

// Two resources may swap their ports in one run.
function releasePorts(run: Run, plan: Plan, byPath: ReadonlyMap<string, DesiredResource>): void {
  for (const { action, resource } of plan.steps) {
    const target = byPath.get(resource);
    if (action !== 'replace' || target === undefined || target.kind === 'volume' || target.kind === 'secret')
      continue;
    run.state.ports.releaseUnwanted(resource, publishedBy(target.spec));
  }
}

function runFailed(stack: string, errors: readonly unknown[]): PlumbstackError {
  const lines = errors.map((each) => `  - ${each instanceof Error ? each.message : String(each)}`);
  return new PlumbstackError(
    'RUN_FAILED',
    `${errors.length} steps of the stack "${stack}" failed:\n${lines.join('\n')}`,
    {
      details: { stack, errors },
      cause: errors[0],
    },
  );
}

import { isRecord, list, oneOf, refuse, text, type Check } from './check.js';

/** What happens to a resource. */
export type StepAction = 'create' | 'update' | 'replace' | 'delete' | 'keep';

/** Why: one difference between what is described and what is seen. */
export interface StepReason {
  /** Option path in the resource's spec, as `env.LOG_LEVEL`, or a fact as `container` or `image.id`. */
  readonly path: string;
  readonly from?: unknown;
  readonly to?: unknown;
}

/** One resource's part of a plan. */
export interface Step {
  readonly action: StepAction;
  /** Path of the resource, as `stack/resource`; a network's name on the engine. */
  readonly resource: string;
  readonly kind: 'network' | 'volume' | 'secret' | 'image' | 'app' | 'service' | 'pool' | 'router';
  readonly reasons: readonly StepReason[];
  /** What visitors may notice; empty where they notice nothing. */
  readonly impact?: string;
}

/** What `up` would do, as plain data: `JSON.stringify(plan)` and {@link readPlan} are a round trip. */
export interface Plan {
  readonly schemaVersion: 1;
  readonly stack: string;
  /** In the order they are begun; independent ones run at once. */
  readonly steps: readonly Step[];
  /** Identifies both what is described and what was seen: another value means another plan. */
  readonly fingerprint: string;
  /** Whether nothing would be done. */
  readonly isEmpty: boolean;
  /** The plan as a person reads it. */
  toString(): string;
}

type PlanData = Pick<Plan, 'schemaVersion' | 'stack' | 'steps' | 'fingerprint'>;

/** For authors of runtimes: a plan of its data. */
export function createPlan(stack: string, steps: readonly Step[], fingerprint: string): Plan {
  const data: PlanData & { isEmpty: boolean } = {
    schemaVersion: 1,
    stack,
    steps,
    fingerprint,
    isEmpty: steps.every(({ action }) => action === 'keep'),
  };
  return Object.defineProperty(data, 'toString', { value: () => describePlan(data) });
}

/**
 * Reads back a plan that was written as JSON. Its shape is checked here; that it is still what would be done, `up` checks.
 * Throws `INVALID_OPTION`.
 */
export function readPlan(json: unknown): Plan {
  if (!isRecord(json)) refuse('the plan', 'an object', json);
  if (json['schemaVersion'] !== 1) refuse('the plan: schemaVersion', '1', json['schemaVersion']);
  const stack = text(json['stack'], 'the plan: stack');
  const fingerprint = text(json['fingerprint'], 'the plan: fingerprint');
  return createPlan(stack, list(step)(json['steps'], 'the plan: steps'), fingerprint);
}

const step: Check<Step> = (value, path) => {
  if (!isRecord(value)) refuse(path, 'an object', value);
  const { action, resource, kind, reasons, impact } = value;
  return {
    action: oneOf('create', 'update', 'replace', 'delete', 'keep')(action, `${path}.action`),
    resource: text(resource, `${path}.resource`),
    kind: oneOf(
      'network',
      'volume',
      'secret',
      'image',
      'app',
      'service',
      'pool',
      'router',
    )(kind, `${path}.kind`),
    reasons: list(reason)(reasons, `${path}.reasons`),
    ...(impact !== undefined && { impact: text(impact, `${path}.impact`) }),
  };
};

const reason: Check<StepReason> = (value, path) => {
  if (!isRecord(value)) refuse(path, 'an object', value);
  const { path: where, from, to } = value;
  return {
    path: text(where, `${path}.path`),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
  };
};

const sign: Readonly<Record<StepAction, string>> = {
  create: '+',
  update: '~',
  replace: '±',
  delete: '-',
  keep: '=',
};

function describePlan({ stack, steps }: PlanData): string {
  const changes = steps.filter(({ action }) => action !== 'keep');
  if (changes.length === 0)
    return `${stack}: nothing to do; ${steps.length === 1 ? '1 resource is' : `${steps.length} resources are`} as described.`;
  const lines = changes.flatMap(({ action, resource, kind, reasons, impact }) => [
    `  ${sign[action]} ${action.padEnd(7)} ${kind} ${resource}${impact === undefined ? '' : `  (${impact})`}`,
    ...(action === 'create' ? [] : reasons.map((each) => `      ${describeReason(each)}`)),
  ]);
  const kept = steps.length - changes.length;
  return [`${stack}: ${count(changes)}${kept > 0 ? `, ${kept} to keep` : ''}`, ...lines].join('\n');
}

function count(steps: readonly Step[]): string {
  return (['create', 'update', 'replace', 'delete'] as const)
    .map((action) => ({ action, n: steps.filter((each) => each.action === action).length }))
    .filter(({ n }) => n > 0)
    .map(({ action, n }) => `${n} to ${action}`)
    .join(', ');
}

function describeReason({ path, from, to }: StepReason): string {
  return from === undefined && to === undefined ? path : `${path}: ${show(from)} -> ${show(to)}`;
}

/** A value on one line. Text that would move a terminal's cursor, or that nobody sees, is quoted. */
function show(value: unknown): string {
  if (value === undefined) return 'unset';
  const shown =
    typeof value === 'string' && /^[^\p{C}\s](?:[^\p{C}]*[^\p{C}\s])?$/u.test(value)
      ? value
      : JSON.stringify(value);
  return shown.length > 200 ? `${shown.slice(0, 197)}...` : shown;
}

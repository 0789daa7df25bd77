import {
  context,
  metrics,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
} from '@opentelemetry/api';
import type { LifecycleEvent, LifecycleEventOf } from './lifecycle-event.js';
import type { LifecycleSource } from './lifecycle-source.js';

/** Name of the tracer and the meter, as backends show it. */
const scope = '@plumbstack/events';

/**
 * Makes spans and metrics of what a source tells, through `@opentelemetry/api`, until the returned disposable is disposed. They
 * go where the program has set up a provider; where it has none, nothing is measured. Call it after the set-up: instruments
 * that were made before belong to no provider.
 *
 * Spans: `plumbstack up` and `plumbstack down`, below the span that is active where the verb was called, with one span for each
 * step and each image that is pulled or built. Metrics: `plumbstack.verb.duration` and `plumbstack.step.duration` (s),
 * `plumbstack.container.exits`, `plumbstack.worker.failures`, `plumbstack.update.rollbacks` and `plumbstack.stream.gaps` (counts),
 * `plumbstack.pool.workers` and `plumbstack.pool.queue` (what it is now).
 */
export function attachTelemetry(source: LifecycleSource): Disposable {
  const telemetry = new Telemetry();
  const listening = source.on('*', (event) => telemetry.hear(event));
  return {
    [Symbol.dispose]: () => {
      listening[Symbol.dispose]();
      telemetry.end();
    },
  };
}

type VerbEnd =
  | LifecycleEventOf<'stack:up:finished'>
  | LifecycleEventOf<'stack:up:failed'>
  | LifecycleEventOf<'stack:down:finished'>
  | LifecycleEventOf<'stack:down:failed'>;

interface Open {
  readonly span: Span;
  readonly context: Context;
  readonly since: number;
}

class Telemetry {
  readonly #tracer = trace.getTracer(scope);
  readonly #instruments = instruments();
  /** Of verbs by stack, of steps and images by resource: each runs once at a time. */
  readonly #open = new Map<string, Open>();

  hear(event: LifecycleEvent): void {
    const { stack } = event;
    switch (event.type) {
      case 'stack:up:started':
        return this.#begin(`up ${stack}`, 'plumbstack up', about(event), context.active());
      case 'stack:down:started':
        return this.#begin(`down ${stack}`, 'plumbstack down', about(event), context.active());
      case 'stack:up:planned': {
        const changes = event.plan.steps.filter(({ action }) => action !== 'keep').length;
        this.#open.get(`up ${stack}`)?.span.setAttribute('plumbstack.changes', changes);
        return;
      }
      case 'stack:up:finished':
      case 'stack:up:failed':
        return this.#endVerb('up', event);
      case 'stack:down:finished':
      case 'stack:down:failed':
        return this.#endVerb('down', event);
      case 'step:started': {
        const name = `plumbstack ${event.action}`;
        return this.#begin(`step ${event.resource}`, name, about(event), this.#parent(stack));
      }
      case 'step:finished':
      case 'step:failed': {
        const open = this.#end(`step ${event.resource}`, event.type === 'step:failed' ? event : undefined);
        if (open !== undefined)
          this.#instruments.step.record(secondsSince(open), { ...about(event), ...outcome(event) });
        return;
      }
      case 'image:pull:started':
      case 'image:build:started': {
        const [, verb] = event.type.split(':');
        const parent = this.#open.get(`step ${event.resource}`)?.context ?? this.#parent(stack);
        const facts = { ...about(event), 'plumbstack.image': event.image };
        return this.#begin(`image ${event.resource}`, `plumbstack ${verb} image`, facts, parent);
      }
      case 'image:pull:finished':
      case 'image:build:finished':
        this.#end(`image ${event.resource}`);
        return;
      default:
        this.#count(event);
    }
  }

  /** What was begun and is not done is measured no further. */
  end(): void {
    for (const { span } of this.#open.values()) span.end();
    this.#open.clear();
    this.#instruments.forget();
  }

  #count(event: LifecycleEvent): void {
    const { exits, failures, rollbacks, gaps, pools } = this.#instruments;
    switch (event.type) {
      case 'container:exited':
        return exits.add(1, { ...about(event), 'plumbstack.oom_killed': event.oomKilled });
      case 'worker:unhealthy':
        return failures.add(1, about(event));
      case 'update:rolledback':
        return rollbacks.add(1, about(event));
      case 'stream:gap':
        return gaps.add(1, about(event));
      case 'pool:scaled':
        return void pools.set(event.resource, { ...pools.get(event.resource), workers: event.to });
      case 'pool:queue':
        return void pools.set(event.resource, { ...pools.get(event.resource), queued: event.queued });
      case 'resource:removed':
        return void pools.delete(event.resource);
      default:
    }
  }

  #parent(stack: string): Context {
    return this.#open.get(`up ${stack}`)?.context ?? context.active();
  }

  #begin(key: string, name: string, attributes: Attributes, parent: Context): void {
    const span = this.#tracer.startSpan(name, { attributes }, parent);
    this.#open.get(key)?.span.end();
    this.#open.set(key, { span, context: trace.setSpan(parent, span), since: performance.now() });
  }

  #endVerb(verb: 'up' | 'down', event: VerbEnd): void {
    const facts = { ...about(event), 'plumbstack.verb': verb, ...outcome(event) };
    this.#instruments.verb.record(event.durationMs / 1000, facts);
    this.#end(`${verb} ${event.stack}`, 'code' in event ? event : undefined);
  }

  #end(key: string, failure?: { readonly code: string; readonly message: string }): Open | undefined {
    const open = this.#open.get(key);
    this.#open.delete(key);
    if (failure !== undefined) {
      open?.span.setStatus({ code: SpanStatusCode.ERROR, message: failure.message });
      open?.span.setAttribute('error.type', failure.code);
    }
    open?.span.end();
    return open;
  }
}

interface PoolNow {
  readonly workers?: number;
  readonly queued?: number;
}

function instruments() {
  const meter = metrics.getMeter(scope);
  const pools = new Map<string, PoolNow>();
  const workers = meter.createObservableGauge('plumbstack.pool.workers', { unit: '{worker}' });
  const queue = meter.createObservableGauge('plumbstack.pool.queue', { unit: '{request}' });
  const observe: Parameters<typeof meter.addBatchObservableCallback>[0] = (result) => {
    for (const [resource, now] of pools) {
      const attributes = { 'plumbstack.resource': resource };
      if (now.workers !== undefined) result.observe(workers, now.workers, attributes);
      if (now.queued !== undefined) result.observe(queue, now.queued, attributes);
    }
  };
  meter.addBatchObservableCallback(observe, [workers, queue]);
  return {
    pools,
    verb: meter.createHistogram('plumbstack.verb.duration', { unit: 's' }),
    step: meter.createHistogram('plumbstack.step.duration', { unit: 's' }),
    exits: meter.createCounter('plumbstack.container.exits', { unit: '{exit}' }),
    failures: meter.createCounter('plumbstack.worker.failures', { unit: '{failure}' }),
    rollbacks: meter.createCounter('plumbstack.update.rollbacks', { unit: '{rollback}' }),
    gaps: meter.createCounter('plumbstack.stream.gaps', { unit: '{gap}' }),
    forget: () => meter.removeBatchObservableCallback(observe, [workers, queue]),
  };
}

function about(event: LifecycleEvent): Attributes {
  return {
    'plumbstack.stack': event.stack,
    ...('resource' in event && { 'plumbstack.resource': event.resource }),
    ...('action' in event && { 'plumbstack.action': event.action }),
  };
}

function outcome(event: object): Attributes {
  return 'code' in event ? { 'error.type': String(event.code) } : {};
}

function secondsSince({ since }: Open): number {
  return (performance.now() - since) / 1000;
}

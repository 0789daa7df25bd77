import assert from 'node:assert/strict';
import { context, metrics, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';
import { LifecycleEmitter } from '@plumbstack/events';
import { attachTelemetry } from '@plumbstack/events/otel';
import { articleStack, InMemoryRuntime } from '@plumbstack/testing';

const app = { image: 'node:24-slim', port: 8000 };

describe('attachTelemetry', () => {
  const spans = new InMemorySpanExporter();
  let exported: InMemoryMetricExporter;
  let reader: PeriodicExportingMetricReader | undefined;

  afterEach(async () => {
    await reader?.shutdown();
    trace.disable();
    metrics.disable();
    context.disable();
    spans.reset();
  });

  function setUp(): void {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(
      new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }),
    );
    exported = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    reader = new PeriodicExportingMetricReader({ exporter: exported, exportIntervalMillis: 3_600_000 });
    metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
  }

  const named = (name: string): readonly ReadableSpan[] =>
    spans.getFinishedSpans().filter((each) => each.name === name);

  it('makes a span of a verb below the one that is active, and one of each step below that', async () => {
    setUp();
    const runtime = new InMemoryRuntime();
    using _ = attachTelemetry(runtime.events);
    const stack = articleStack({ name: 'shop', app });
    await trace.getTracer('test').startActiveSpan('deploy', async (span) => {
      await runtime.up(stack);
      span.end();
    });
    await runtime.down(stack);
    const [deploy] = named('deploy');
    const [up] = named('plumbstack up');
    const steps = named('plumbstack create');
    assert.ok(deploy !== undefined && up !== undefined && steps.length > 0);
    assert.equal(up.parentSpanContext?.spanId, deploy.spanContext().spanId);
    assert.equal(up.attributes['plumbstack.stack'], 'shop');
    for (const step of steps) assert.equal(step.parentSpanContext?.spanId, up.spanContext().spanId);
    assert.ok(steps.some(({ attributes }) => attributes['plumbstack.resource'] === 'shop/workers'));
    assert.equal(named('plumbstack down').length, 1);
  });

  it('tells a failure by its code', async () => {
    setUp();
    const runtime = new InMemoryRuntime();
    using _ = attachTelemetry(runtime.events);
    await assert.rejects(runtime.up(articleStack({ name: 'shop', app }), { confirm: () => false }));
    const [up] = named('plumbstack up');
    assert.equal(up?.status.code, SpanStatusCode.ERROR);
    assert.equal(up?.attributes['error.type'], 'NOT_CONFIRMED');
  });

  it('counts what happens by itself, and tells how many workers and waiting requests a pool has now', async () => {
    setUp();
    const emitter = new LifecycleEmitter();
    {
      using _ = attachTelemetry(emitter.source);
      const resource = 'shop/workers';
      const container = 'shop-workers-1';
      emitter.emit('shop', 'container:exited', { resource, container, exitCode: 137, oomKilled: true });
      emitter.emit('shop', 'worker:unhealthy', { resource, container, worker: 'w1' });
      emitter.emit('shop', 'pool:scaled', { resource, from: 1, to: 4 });
      emitter.emit('shop', 'pool:queue', { resource, queued: 7 });
      emitter.emit('shop', 'stack:up:finished', { durationMs: 1500 });
      await reader?.forceFlush();
    }
    const all = exported
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((each) => each.metrics));
    const value = (name: string): unknown =>
      all.find(({ descriptor }) => descriptor.name === name)?.dataPoints[0]?.value;
    assert.equal(value('plumbstack.container.exits'), 1);
    assert.equal(value('plumbstack.worker.failures'), 1);
    assert.equal(value('plumbstack.pool.workers'), 4);
    assert.equal(value('plumbstack.pool.queue'), 7);
    assert.equal((value('plumbstack.verb.duration') as { readonly sum: number }).sum, 1.5);
    assert.equal(emitter.listenerCount, 0);
  });

  it('measures nothing where the program has set up nothing', async () => {
    const runtime = new InMemoryRuntime();
    using _ = attachTelemetry(runtime.events);
    await runtime.up(articleStack({ name: 'shop', app }));
    assert.deepEqual(spans.getFinishedSpans(), []);
  });
});

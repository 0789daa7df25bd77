// How time and memory of a plan grow with the stack: model, spec, addresses, compiling and comparing, without an engine; then
// an up with nothing to do and a plan of what is up already, on the engine in memory.
import { Stack, type StackSpec } from '@plumbstack/core';
import { compileStack, diff, planAddresses } from '@plumbstack/docker/internal';
import { InMemoryRuntime } from '@plumbstack/testing';
import { row, timed } from './support/measure';

const sizes = [10, 100, 1000, 10_000];

/** Nine apps of ten routed; each tenth has a volume. */
function stackOf(resources: number): Stack {
  const stack = new Stack('scale');
  const router = stack.router('web');
  for (let index = 1; index < resources; index++) {
    const name = `r${index}`;
    if (index % 10 === 0) stack.volume(name);
    else router.route(`/${name}/`, stack.app(name, { image: 'rstudio/plumber', env: { NAME: name } }));
  }
  return stack;
}

function planOf(spec: StackSpec): number {
  const addresses = planAddresses(
    spec,
    { subnets: {}, addresses: {}, slots: {}, guests: {} },
    { pool: '10.0.0.0/8', others: [] },
  );
  const desired = compileStack(spec, addresses, {
    images: {},
    files: {},
    secrets: {},
    passwords: {},
    ports: {},
    absolute: (path) => path,
  });
  const observed = {
    stack: spec.name,
    networks: [],
    otherNetworks: [],
    containers: [],
    settings: {},
    volumes: [],
    configs: {},
  };
  return diff(desired, observed).plan.steps.length;
}

console.log('| resources | ms | µs a resource | MB |\n| --- | --- | --- | --- |');
for (const resources of sizes) {
  // Once to warm up, so that the smallest is not charged for the compiler.
  planOf(stackOf(10).toSpec());
  const before = process.memoryUsage().heapUsed;
  const start = performance.now();
  planOf(stackOf(resources).toSpec());
  const ms = performance.now() - start;
  const megabytes = (process.memoryUsage().heapUsed - before) / 1024 / 1024;
  console.log(row(String(resources), ms, (ms * 1000) / resources, megabytes));
}

async function ofWhatIsUp(resources: number): Promise<void> {
  const runtime = new InMemoryRuntime();
  const stack = stackOf(resources);
  await runtime.up(stack);
  const noop = await timed(() => runtime.up(stack));
  const plan = await timed(() => runtime.plan(stack));
  console.log(row(String(resources), noop, plan, (plan * 1000) / resources));
}

async function main(): Promise<void> {
  console.log('\n| resources up | no-op up ms | plan ms | µs a resource |\n| --- | --- | --- | --- |');
  for (const resources of sizes) await ofWhatIsUp(resources);
}

void main();

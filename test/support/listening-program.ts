import { DockerRuntime } from '@plumbstack/docker';

/** Attaches to a stack and listens, or awaits the first event that a stream gives; then there is nothing left to do. */
async function main([stack = '', how = '']: readonly string[]): Promise<void> {
  const deployment = await new DockerRuntime().attach(stack);
  deployment.events.on('*', () => undefined);
  console.log('ready');
  if (how !== 'await') return;
  for await (const { type } of deployment.events.stream()) {
    console.log(`told ${type}`);
    break;
  }
}

void main(process.argv.slice(2));

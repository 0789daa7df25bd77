// Runs one verb on the small stack and ends: a process that a test can kill or stop in the middle. Its one argument is
// the JSON of a `VerbRequest`; it writes one line of JSON for each event, and ends with 1 where the verb rejected.
import { isPlumbstackError } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';
import { smallStack } from './small-stack';

export interface VerbRequest {
  readonly verb: 'up' | 'scale' | 'down' | 'restart';
  readonly stack: string;
  readonly host?: string;
  readonly version?: string;
  readonly replicas?: readonly number[];
  readonly volumes?: boolean;
}

async function run({ verb, stack, host, version, replicas = [], volumes = false }: VerbRequest): Promise<void> {
  await using runtime = new DockerRuntime(host === undefined ? {} : { host });
  using _ = runtime.events.on('*', (event) => console.log(JSON.stringify(event)));
  switch (verb) {
    case 'up':
      await runtime.up(smallStack(stack, version));
      return;
    case 'scale': {
      const deployment = await runtime.attach(stack);
      for (const each of replicas) await deployment.scale('workers', each);
      return;
    }
    case 'restart':
      return (await runtime.attach(stack)).restart('workers');
    case 'down':
      return runtime.down(stack, { volumes });
  }
}

run(JSON.parse(process.argv[2] ?? '{}') as VerbRequest).catch((error: unknown) => {
  const code = isPlumbstackError(error) ? error.code : 'UNKNOWN';
  console.log(JSON.stringify({ type: 'verb:failed', code, message: String(error) }));
  process.exitCode = 1;
});

// Runs one verb on the small stack and ends: a process that a test can kill or stop in the middle. Its arguments are the
// JSON of a `VerbRequest` and the engine's address; it writes one line of JSON for each event, and ends with 1 where the
// verb rejected.
import { isPlumbstackError } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';
import { perform, type VerbRequest } from './verb';

async function run(request: VerbRequest, host: string): Promise<void> {
  await using runtime = new DockerRuntime({ host });
  using _ = runtime.events.on('*', (event) => console.log(JSON.stringify(event)));
  await perform(runtime, request);
}

const [request = '{}', host = ''] = process.argv.slice(2);
run(JSON.parse(request) as VerbRequest, host).catch((error: unknown) => {
  const code = isPlumbstackError(error) ? error.code : 'UNKNOWN';
  console.log(JSON.stringify({ type: 'verb:failed', code, message: String(error) }));
  process.exitCode = 1;
});

import { isPlumbstackError } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';
import { attachConsole } from '@plumbstack/events/console';
import { choosePort } from './choose-port';
import { proveRoutes } from './prove-routes';
import { describeTopology } from './describe-topology';
import { wholeStack } from './stack';

const { STACK = 'whole-stack', PORT } = process.env;

async function main(): Promise<void> {
  const runtime = new DockerRuntime();
  using _progress = attachConsole(runtime.events);
  if (process.argv.includes('--down')) return await runtime.down(STACK);

  const port = PORT === undefined ? await choosePort(runtime, STACK) : Number(PORT);
  const deployment = await runtime.up(wholeStack(STACK, port));
  const web = deployment.endpoint('web');

  const proof = await proveRoutes(web);
  console.log(`\n${proof.table}\n\n${describeTopology(await deployment.status())}\n`);
  console.log(`Open ${web}`);
  console.log(`     ${new URL('/app1/__docs__/', web)}`);
  console.log(`     ${new URL('/app1/chart', web)}`);
  console.log(`     ${new URL('/app2/__docs__/', web)}`);
  console.log('It stays up. To take it down: npm start -- --down');
  if (!proof.ok) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(isPlumbstackError(error) ? error.message : error);
  process.exitCode = 1;
});

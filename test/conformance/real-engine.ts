import { randomBytes } from 'node:crypto';
import { DockerRuntime, type DockerRuntimeOptions } from '@plumbstack/docker';
import { madeStacks } from '../support/left-behind';
import type { CaseSetting } from './run-conformance';

const startLine = 'listening';
// Answers every request with the host it runs on and the path it saw. A server that is asked to stop stops.
const server = [
  "const { hostname } = require('node:os');",
  'const answer = ({ url }, response) => response.end(JSON.stringify({ host: hostname(), path: url }));',
  `require('node:http').createServer(answer).listen(8000, () => console.log('${startLine}'));`,
  "process.on('SIGTERM', () => process.exit(0));",
].join('\n');
const command = "console.log('out'); console.error('err'); process.exitCode = 3;";

/** One case's surroundings on an engine. */
export function onEngine(options: DockerRuntimeOptions = {}): CaseSetting {
  const runtime = new DockerRuntime(options);
  const other = new DockerRuntime(options);
  const stacks: string[] = [];
  return {
    context: {
      runtime: () => runtime,
      otherRuntime: () => other,
      app: {
        image: { reference: 'node:24-slim', pull: 'never' },
        command: ['node', '-e', server],
        port: 8000,
        stopGraceMs: 2000,
      },
      startLine,
      command: { run: ['node', '-e', command], answers: { exitCode: 3, stdout: 'out\n', stderr: 'err\n' } },
      stackName: () => {
        const name = `conformance-${randomBytes(4).toString('hex')}`;
        stacks.push(name);
        madeStacks.add(name);
        return name;
      },
    },
    async [Symbol.asyncDispose]() {
      for (const name of stacks) await runtime.down(name, { volumes: true });
    },
  };
}

import { InMemoryEngine, InMemoryRuntime } from '@plumbstack/testing';
import { runConformance, type CaseSetting } from './run-conformance';

const startLine = 'listening';
const answers = { exitCode: 3, stdout: 'out\n', stderr: 'err\n' };

function setUp(): CaseSetting {
  const engine = new InMemoryEngine();
  engine.onExec(({ command }) =>
    command[0] === 'answer' ? answers : { exitCode: 127, stdout: '', stderr: '' },
  );
  engine.onStart(() => ({ lines: [startLine] }));
  const runtime = new InMemoryRuntime({ engine });
  const other = new InMemoryRuntime({ engine });
  let stacks = 0;
  return {
    context: {
      runtime: () => runtime,
      otherRuntime: () => other,
      app: { image: 'example/api:1' },
      startLine,
      command: { run: ['answer'], answers },
      stackName: () => `case-${(stacks += 1)}`,
    },
    async [Symbol.asyncDispose]() {
      await runtime[Symbol.asyncDispose]();
      await other[Symbol.asyncDispose]();
    },
  };
}

describe('the in-memory runtime', () => {
  runConformance(setUp);
});

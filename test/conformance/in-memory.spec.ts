import { InMemoryEngine, InMemoryRuntime } from '@plumbstack/testing';
import { runConformance, type CaseSetting } from './run-conformance';

const startLine = 'listening';
const answers = { exitCode: 3, stdout: 'out\n', stderr: 'err\n' };

function setUp(): CaseSetting {
  const engine = new InMemoryEngine();
  engine.onExec(({ command }) =>
    command[0] === 'answer' ? answers : { exitCode: 127, stdout: '', stderr: '' },
  );
  const runtime = new InMemoryRuntime({ engine });
  const other = new InMemoryRuntime({ engine });
  const talking = [runtime, other].map(({ events }) =>
    events.on('container:started', ({ container }) => engine.log(container, startLine)),
  );
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
    [Symbol.asyncDispose]: () => {
      for (const each of talking) each[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}

describe('the in-memory runtime', () => {
  runConformance(setUp);
});

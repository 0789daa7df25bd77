import assert from 'node:assert/strict';
import { Stack, type AppOptions, type AppSpec, type ContainerSpec, type ServiceSpec } from '@plumbstack/core';
import { refusalOf, refusedPath } from './refusal';

const image = 'nginx:1.30';

function app(options: unknown): AppSpec {
  return new Stack('s').app('a', { image, ...(options as object) }).toSpec();
}

function service(options: unknown): ServiceSpec {
  return new Stack('s').service('a', { image, ...(options as object) }).toSpec();
}

/** Every option that apps and services share: a value, what the spec holds, and values that are refused with their path. */
const cases: readonly {
  readonly option: keyof ContainerSpec & keyof AppOptions;
  readonly byDefault: unknown;
  readonly given: unknown;
  readonly spec?: unknown;
  readonly refused: readonly (readonly [value: unknown, path: string])[];
}[] = [
  {
    option: 'command',
    byDefault: undefined,
    given: ['sh', '-c', 'echo "$HOME"'],
    refused: [
      ['sh -c true', 'a.command'],
      [['ok', 1], 'a.command[1]'],
      [['a\0b'], 'a.command[0]'],
      // eslint-disable-next-line no-sparse-arrays
      [['a', , 'b'], 'a.command[1]'],
    ],
  },
  {
    option: 'entrypoint',
    byDefault: undefined,
    given: ['Rscript', '-e'],
    refused: [['Rscript', 'a.entrypoint']],
  },
  {
    option: 'env',
    byDefault: {},
    given: { LOG_LEVEL: 'debug', _x: '' },
    refused: [
      [{ PORT: 8080 }, 'a.env.PORT'],
      [{ '1ST': '' }, 'a.env: the name'],
      [{ 'A=B': '' }, 'a.env: the name'],
      [{ A: 'x\0y' }, 'a.env.A'],
      [['A=B'], 'a.env'],
      [new Map([['A', 'B']]), 'a.env'],
      [null, 'a.env'],
    ],
  },
  {
    option: 'restart',
    byDefault: 'always',
    given: 'on-failure',
    refused: [
      ['never', 'a.restart'],
      [true, 'a.restart'],
    ],
  },
  {
    option: 'startTimeoutMs',
    byDefault: 60_000,
    given: 5000,
    refused: [
      [0, 'a.startTimeoutMs'],
      [1.5, 'a.startTimeoutMs'],
      [3_600_001, 'a.startTimeoutMs'],
      ['5s', 'a.startTimeoutMs'],
      [NaN, 'a.startTimeoutMs'],
    ],
  },
  {
    option: 'resources',
    byDefault: {},
    given: { memoryBytes: 512 * 1024 * 1024, cpus: 1.5, pids: 100 },
    refused: [
      [{ memoryBytes: 1024 }, 'a.resources.memoryBytes'],
      [{ cpus: 0 }, 'a.resources.cpus'],
      [{ cpus: 0.001 }, 'a.resources.cpus'],
      [{ cpus: Infinity }, 'a.resources.cpus'],
      [{ pids: 0 }, 'a.resources.pids'],
      [{ memory: '1g' }, 'a.resources.memory'],
    ],
  },
  {
    option: 'stopSignal',
    byDefault: undefined,
    given: 'SIGRTMIN+3',
    refused: [
      ['TERM', 'a.stopSignal'],
      ['SIGterm', 'a.stopSignal'],
      [15, 'a.stopSignal'],
    ],
  },
  { option: 'stopGraceMs', byDefault: 10_000, given: 0, refused: [[-1, 'a.stopGraceMs']] },
  { option: 'init', byDefault: true, given: false, refused: [['yes', 'a.init']] },
  {
    option: 'user',
    byDefault: undefined,
    given: '1000:www-data',
    refused: [
      ['', 'a.user'],
      ['a b', 'a.user'],
      ['-x', 'a.user'],
      ['a:b:c', 'a.user'],
      ['a:', 'a.user'],
    ],
  },
  {
    option: 'workingDir',
    byDefault: undefined,
    given: '/srv/my app',
    refused: [
      ['srv', 'a.workingDir'],
      ['/', 'a.workingDir'],
      ['/srv/', 'a.workingDir'],
      ['/srv//x', 'a.workingDir'],
      ['/srv/../etc', 'a.workingDir'],
      ['/srv/./x', 'a.workingDir'],
      ['/a\nb', 'a.workingDir'],
    ],
  },
  {
    option: 'labels',
    byDefault: {},
    given: { 'org.example.team': 'a "b"\n' },
    refused: [
      [{ 'io.plumbstack.stack': 'x' }, 'a.labels: the name'],
      [{ '': 'x' }, 'a.labels: the name'],
      [{ a: 1 }, 'a.labels.a'],
    ],
  },
  { option: 'readOnly', byDefault: false, given: true, refused: [[1, 'a.readOnly']] },
  {
    option: 'capAdd',
    byDefault: [],
    given: ['NET_BIND_SERVICE', 'CAP_SYS_PTRACE'],
    refused: [
      [['net_admin'], 'a.capAdd[0]'],
      ['ALL', 'a.capAdd'],
    ],
  },
  { option: 'capDrop', byDefault: [], given: ['ALL'], refused: [[['ALL '], 'a.capDrop[0]']] },
  {
    option: 'extraHosts',
    byDefault: {},
    given: { 'db.example.org': '10.0.0.1', gate: 'host-gateway', six: '2001:DB8:0::1' },
    spec: { 'db.example.org': '10.0.0.1', gate: 'host-gateway', six: '2001:db8::1' },
    refused: [
      [{ db: '999.1.1.1' }, 'a.extraHosts.db'],
      [{ db: 'abc' }, 'a.extraHosts.db'],
      [{ db: 'db.example.org' }, 'a.extraHosts.db'],
      [{ '*.example.org': '10.0.0.1' }, 'a.extraHosts: the name'],
      [{ 'a b': '10.0.0.1' }, 'a.extraHosts: the name'],
    ],
  },
  {
    option: 'logging',
    byDefault: undefined,
    given: { driver: 'local', maxSizeBytes: 1_000_000, maxFiles: 2, options: { compress: 'true' } },
    refused: [
      ['json-file', 'a.logging'],
      [{ driver: '' }, 'a.logging.driver'],
      [{ maxSizeBytes: 10 }, 'a.logging.maxSizeBytes'],
      [{ maxFiles: 0 }, 'a.logging.maxFiles'],
      [{ driver: 'journald', maxFiles: 2 }, 'a.logging.maxFiles'],
      [{ options: { 'max-size': '10m' } }, 'a.logging.options: the name'],
      [{ driver: 'splunk', options: { 'splunk-token': 'x' } }, 'a.logging.options: the name'],
      [{ driver: 'gelf', options: { api_key: 'x' } }, 'a.logging.options: the name'],
      [{ maxSize: '10m' }, 'a.logging.maxSize'],
    ],
  },
];

for (const [kind, make] of [
  ['an app', app],
  ['a service', service],
] as const) {
  describe(`an option of ${kind}`, () => {
    for (const { option, byDefault, given, spec = given, refused } of cases) {
      it(`${option} has its default, takes what it should and refuses the rest at the call`, () => {
        assert.deepEqual(make({})[option], byDefault, 'left out');
        assert.deepEqual(make({ [option]: undefined })[option], byDefault, 'undefined is left out');
        assert.deepEqual(make({ [option]: given })[option], spec, 'given');
        for (const [value, path] of refused) {
          assert.equal(
            refusedPath(() => make({ [option]: value })),
            path,
          );
        }
      });
    }

    it('health is what the kind has by default', () => {
      const tcp = { type: 'tcp', intervalMs: 1000, timeoutMs: 2000, retries: 3 };
      assert.deepEqual(make({}).health, kind === 'an app' ? tcp : undefined);
    });

    it('that does not exist is refused, with the one that may have been meant', () => {
      for (const [wrong, meant] of [
        ['imgae', 'image'],
        ['ENV', 'env'],
        ['mount', 'mounts'],
        ['restartPolicy', undefined],
        ['readonly', 'readOnly'],
        ['comand', 'command'],
      ] as const) {
        const error = refusalOf(() => make({ [wrong]: 1 }));
        assert.equal(error.details['path'], `a.${wrong}`);
        assert.match(error.message, new RegExp(`^INVALID_OPTION: a has no option "${wrong}"`));
        if (meant === undefined) assert.match(error.hint ?? '', /^Known options: .*restart/);
        else assert.equal(error.hint, `Did you mean "${meant}"?`);
      }
    });

    it('cannot be smuggled in under the name of a built-in property', () => {
      for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
        const options = JSON.parse(`{"image":"nginx","${name}":{"privileged":true}}`) as AppOptions;
        refusalOf(() =>
          kind === 'an app' ? new Stack('s').app('a', options) : new Stack('s').service('a', options),
        );
      }
    });

    it('given as no object of options is refused', () => {
      for (const given of [undefined, null, 'nginx', 5, [], new Map(), () => image]) {
        const stack = new Stack('s');
        assert.equal(
          refusedPath(() =>
            kind === 'an app' ? stack.app('a', given as never) : stack.service('a', given as never),
          ),
          'a',
        );
        assert.deepEqual(stack.resources, [], 'nothing was added');
      }
    });

    it('is copied: what the program changes later changes nothing', () => {
      const env = { A: '1' };
      const command = ['run'];
      const stack = new Stack('s');
      const made =
        kind === 'an app'
          ? stack.app('a', { image, env, command })
          : stack.service('a', { image, env, command });
      env.A = '2';
      command.push('more');
      assert.deepEqual([made.toSpec().env, made.toSpec().command], [{ A: '1' }, ['run']]);
      assert.throws(
        () => Object.assign(made.toSpec().env, { A: '3' }),
        TypeError,
        'its part of the spec is frozen',
      );
    });
  });
}

describe('dependsOn', () => {
  it('takes apps, services and pools, and holds their names', () => {
    const stack = new Stack('s');
    const database = stack.service('database', { image });
    const worker = stack.app('worker', { image });
    const pool = stack.pool('pool', { app: worker });
    const other = stack.app('other', { image });
    const last = stack.app('last', { image, dependsOn: [database, pool, other] });
    assert.deepEqual(last.toSpec().dependsOn, ['database', 'pool', 'other']);
    assert.deepEqual(stack.app('first', { image }).toSpec().dependsOn, []);
  });

  it('refuses names, volumes and lookalikes', () => {
    const stack = new Stack('s');
    const volume = stack.volume('v');
    for (const wrong of ['database', volume, { kind: 'app', name: 'x' }, null]) {
      assert.equal(
        refusedPath(() => stack.app('a', { image, dependsOn: [wrong as never] })),
        'a.dependsOn[0]',
      );
    }
    assert.equal(
      refusedPath(() => stack.app('a', { image, dependsOn: volume as never })),
      'a.dependsOn',
    );
  });
});

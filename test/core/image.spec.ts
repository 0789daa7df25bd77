import assert from 'node:assert/strict';
import { Stack, type ImageSpec } from '@plumbstack/core';
import { refusedPath } from './refusal';

const imageOf = (options: object): ImageSpec => new Stack('s').app('a', options).toSpec().image;
const buildDefaults = { args: {}, labels: {}, cacheFrom: [], contexts: {}, secrets: [], ssh: false };
const hex = '0123456789abcdef'.repeat(4);

describe('image', () => {
  for (const reference of [
    'nginx',
    'nginx:1.30',
    'rstudio/plumber:latest',
    'a/b/c/d',
    'my_app',
    'my__app',
    'my-app',
    'my---app',
    'my.app',
    'localhost/app',
    'localhost:5000/app:1',
    'registry.example.org/team/api_v2:1.0-rc.1',
    'REGISTRY.example.org/app',
    '[2001:db8::1]:5000/app',
    '127.0.0.1:5000/app',
    `nginx@sha256:${hex}`,
    `registry:5000/nginx:1.30@sha256:${hex}`,
    `sha256:${hex}`,
    `a:${'x'.repeat(128)}`,
  ]) {
    it(`takes ${reference.slice(0, 60)}`, () => {
      assert.deepEqual(imageOf({ image: reference }), { type: 'pull', reference, policy: 'missing' });
    });
  }

  for (const reference of [
    '',
    ' nginx',
    'nginx ',
    'nginx\n',
    'Nginx',
    'nginx:',
    'nginx:-x',
    'nginx:a b',
    'nginx@sha256:abc',
    `nginx@${hex}`,
    'a//b',
    '/a',
    'a/',
    '-a',
    'a-',
    'my___app',
    'a..b',
    'a._b',
    '-registry.org/app',
    'registry-/app',
    'regis..try/app',
    'https://registry.org/app',
    'app:$TAG',
    '--privileged',
    `a:${'x'.repeat(129)}`,
  ]) {
    it(`refuses ${JSON.stringify(reference.slice(0, 60))}`, () => {
      assert.equal(
        refusedPath(() => imageOf({ image: reference })),
        'a.image',
      );
      assert.equal(
        refusedPath(() => imageOf({ image: { reference } })),
        'a.image.reference',
      );
    });
  }

  it('is built with further lines, some of them about a file', () => {
    const lines = 'COPY ["a.lock", "/"]';
    const steps = ['ENV A=b', { file: 'a.lock', lines }, { file: 'b/b.lock', lines, optional: true }];
    const spec = imageOf({ build: { context: './api', steps } });
    assert.deepEqual(spec.type === 'build' && spec.steps, [
      'ENV A=b',
      { file: 'a.lock', lines, optional: false },
      { file: 'b/b.lock', lines, optional: true },
    ]);
    for (const [step, path] of [
      [{ lines }, 'file'],
      [{ file: '../a.lock', lines }, 'file'],
      [{ file: '/a.lock', lines }, 'file'],
      [{ file: 'a.lock' }, 'lines'],
      [{ file: 'a.lock', lines, optional: 1 }, 'optional'],
      [{ file: 'a.lock', lines, always: true }, 'always'],
    ] as const)
      assert.equal(
        refusedPath(() => imageOf({ build: { context: './api', steps: [step] } })),
        `a.build.steps[0].${path}`,
      );
  });

  it('is pulled when it is missing, unless it says otherwise', () => {
    for (const pull of ['missing', 'always', 'never', { everyMs: 86_400_000 }]) {
      assert.deepEqual(imageOf({ image: { reference: 'a', pull } }), {
        type: 'pull',
        reference: 'a',
        policy: pull,
      });
    }
    assert.deepEqual(imageOf({ image: { reference: 'a' } }), {
      type: 'pull',
      reference: 'a',
      policy: 'missing',
    });
    for (const [image, path] of [
      [{ reference: 'a', pull: 'sometimes' }, 'a.image.pull'],
      [{ reference: 'a', pull: { everyMs: 10 } }, 'a.image.pull.everyMs'],
      [{ reference: 'a', pull: {} }, 'a.image.pull.everyMs'],
      [{ pull: 'always' }, 'a.image.reference'],
      [{ reference: 'a', tag: '1' }, 'a.image.tag'],
      [5, 'a.image'],
      [null, 'a.image'],
      [['nginx'], 'a.image'],
    ] as const) {
      assert.equal(
        refusedPath(() => imageOf({ image })),
        path,
      );
    }
  });
});

describe('build', () => {
  it('of a folder takes its Dockerfile', () => {
    assert.deepEqual(imageOf({ build: './app1' }), {
      type: 'build',
      context: './app1',
      dockerfile: 'Dockerfile',
      ...buildDefaults,
    });
  });

  it('carries all of its options', () => {
    const build = {
      context: '.',
      dockerfile: 'docker/Dockerfile',
      args: { VERSION: '1' },
      target: 'run',
      platform: 'linux/amd64',
      labels: { 'org.example.team': 'a b' },
      cacheFrom: ['registry.example.org/team/api:1'],
      contexts: { shared: '../shared' },
      ssh: true,
      builder: 'buildkit',
    };
    assert.deepEqual(imageOf({ build }), { type: 'build', ...build, secrets: [] });
    assert.deepEqual(imageOf({ build: { inline: 'FROM nginx' } }), {
      type: 'build',
      inline: 'FROM nginx',
      dockerfile: 'Dockerfile',
      ...buildDefaults,
    });
  });

  it('names its secrets as the Dockerfile does, or as the stack', () => {
    const stack = new Stack('s');
    const npm = stack.secret('npm', { env: 'NPM_TOKEN' });
    const app = stack.app('a', { build: { context: '.', secrets: [npm, { secret: npm, id: 'npmrc' }] } });
    const { image } = app.toSpec();
    assert.deepEqual(image.type === 'build' && image.secrets, [
      { secret: 'npm', id: 'npm' },
      { secret: 'npm', id: 'npmrc' },
    ]);
    const again = Stack.fromSpec(JSON.parse(JSON.stringify(stack.toSpec())));
    assert.deepEqual(again.toSpec(), stack.toSpec());
    const made = stack.secret('made', { generateBytes: 32 });
    assert.equal(
      refusedPath(() => stack.app('b', { build: { context: '.', secrets: [made] } })),
      'b.build.secrets[0]',
    );
    const other = new Stack('other');
    other.app('c', { build: { context: '.', secrets: [npm] } });
    assert.throws(() => other.validate(), /c\.build\.secrets\[0\]/);
  });

  for (const [build, path] of [
    ['', 'a.build'],
    ['a\nb', 'a.build'],
    [{}, 'a.build'],
    [{ dockerfile: 'Dockerfile' }, 'a.build'],
    [{ context: '.', dockerfile: '/etc/passwd' }, 'a.build.dockerfile'],
    [{ context: '.', dockerfile: '../Dockerfile' }, 'a.build.dockerfile'],
    [{ context: '.', args: { 'A B': '' } }, 'a.build.args: the name'],
    [{ context: '.', args: { A: 1 } }, 'a.build.args.A'],
    [{ context: '.', file: 'x' }, 'a.build.file'],
    [{ context: '.', labels: { 'io.plumbstack.owner': 'x' } }, 'a.build.labels: the name'],
    [{ context: '.', cacheFrom: ['--x'] }, 'a.build.cacheFrom[0]'],
    [{ context: '.', contexts: { 'a=b': '.' } }, 'a.build.contexts: the name'],
    [{ context: '.', secrets: ['token'] }, 'a.build.secrets[0]'],
    [{ context: '.', ssh: 'default' }, 'a.build.ssh'],
    [{ context: '.', builder: 'podman' }, 'a.build.builder'],
    [{ context: '.', builder: 'classic', ssh: true }, 'a.build.builder'],
    [{ context: '.', builder: 'classic', contexts: { a: '.' } }, 'a.build.builder'],
    [{ inline: 'a\0' }, 'a.build.inline'],
    [{ context: '.', target: '' }, 'a.build.target'],
    [{ context: '.', platform: 5 }, 'a.build.platform'],
    [5, 'a.build'],
  ] as const) {
    it(`refuses ${JSON.stringify(build)} at ${path}`, () => {
      assert.equal(
        refusedPath(() => imageOf({ build })),
        path,
      );
    });
  }
});

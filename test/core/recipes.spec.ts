import assert from 'node:assert/strict';
import { node, python, Stack, type AppOptions, type AppSpec, type PythonOptions } from '@plumbstack/core';
import { refusalOf, refusedPath } from './refusal';

function specOf(options: AppOptions): AppSpec {
  const stack = new Stack('s');
  const app = stack.app('a', options);
  stack.validate();
  assert.deepEqual(Stack.fromSpec(stack.toSpec()).toSpec(), stack.toSpec());
  return app.toSpec();
}

/** The Dockerfile, line by line. */
function dockerfile(options: AppOptions): readonly string[] {
  const { image } = specOf(options);
  assert.ok(image.type === 'build');
  const { inline = '', steps = '' } = image;
  assert.ok(typeof steps === 'string');
  return `${inline}${steps}`.trimEnd().split('\n');
}

const uvicorn = { server: 'uvicorn' } as const;

describe('node(file)', () => {
  it("runs the file on Node's own image, as its user, on 8000, with its folder copied to /app", () => {
    const spec = specOf(node('./api/server.js'));
    assert.ok(spec.image.type === 'build');
    assert.equal(spec.image.context, './api');
    assert.deepEqual(dockerfile(node('./api/server.js')), [
      'FROM node:24-slim',
      'WORKDIR /app',
      'COPY [".","/app/"]',
      'RUN ["node","--check","/app/server.js"]',
    ]);
    assert.deepEqual([spec.port, spec.user, spec.workingDir, spec.mounts], [8000, 'node', '/app', []]);
    assert.deepEqual(spec.env, { NODE_ENV: 'production', PORT: '8000' });
    assert.deepEqual([spec.entrypoint, spec.command], [['node'], ['/app/server.js']]);
    assert.equal(spec.poolDefaults, undefined);
  });

  it('installs what the lock file says before the code is copied', () => {
    assert.deepEqual(dockerfile(node('./api/server.js', { install: true })).slice(2, 6), [
      'USER root',
      'COPY ["package.json","package-lock.json","/app/"]',
      'RUN ["npm","ci","--omit=dev","--no-audit","--no-fund"]',
      'COPY [".","/app/"]',
    ]);
  });

  it('checks no TypeScript, which --check does not read', () => {
    for (const file of ['server.ts', 'server.mts'])
      assert.equal(dockerfile(node(`./api/${file}`)).at(-1), 'COPY [".","/app/"]');
  });

  it('lets the caller say otherwise', () => {
    const spec = specOf(
      node('srv.mjs', { image: 'team/runtime:1', port: 3000, env: { NODE_ENV: 'test' }, workingDir: '/srv' }),
    );
    assert.deepEqual(spec.env, { NODE_ENV: 'test', PORT: '3000' });
    assert.deepEqual([spec.port, spec.user, spec.workingDir], [3000, undefined, '/srv']);
    for (const image of ['node', 'node:22', 'registry.example.org:5000/library/node:24-slim'])
      assert.equal(specOf(node('srv.mjs', { image })).user, 'node', image);
    assert.equal(specOf(node('srv.mjs', { image: 'my-node:1' })).user, undefined);
    assert.equal(specOf(node('srv.mjs', { user: '4711' })).user, '4711');
  });

  it('mounts the folder where it is live, and installs nothing', () => {
    const { image, mounts } = specOf(node('./api/server.js', { live: true, install: true }));
    assert.deepEqual(image, { type: 'pull', reference: 'node:24-slim', policy: 'missing' });
    const code = { type: 'bind', source: './api', target: '/app', readOnly: true, restartOn: 'change' };
    assert.deepEqual(mounts, [{ ...code, check: ['node', '--check', '/app/server.js'] }]);
    // Node reads TypeScript when it runs it, and not before.
    assert.deepEqual(specOf(node('./api/server.ts', { live: true })).mounts, [code]);
  });
});

describe('python(file)', () => {
  it("serves the file's application on Python's own image, by the server that is named", () => {
    const spec = specOf(python('./api/main.py', uvicorn));
    assert.deepEqual(spec.entrypoint, ['python3', '-m', 'uvicorn']);
    assert.deepEqual(spec.command, ['--host', '0.0.0.0', '--port', '8000', 'main:app']);
    assert.equal(spec.prefixEnv, 'UVICORN_ROOT_PATH');
    assert.equal(spec.env['PORT'], '8000');
    assert.deepEqual(dockerfile(python('./api/main.py', uvicorn)).slice(0, 3), [
      'FROM python:3.13-slim',
      'WORKDIR /app',
      'COPY [".","/app/"]',
    ]);
    const other = specOf(python('wsgi.py', { server: 'gunicorn', app: 'api', port: 81 }));
    assert.deepEqual(other.entrypoint, ['python3', '-m', 'gunicorn']);
    assert.deepEqual(other.command, ['--bind', '0.0.0.0:81', 'wsgi:api']);
    assert.equal(other.prefixEnv, undefined);
  });

  it('installs the requirements before the code is copied', () => {
    const lines = dockerfile(python('main.py', { ...uvicorn, requirements: 'deploy/requirements.txt' }));
    assert.deepEqual(lines.slice(2, 6), [
      'USER root',
      'COPY ["deploy/requirements.txt","/app/deploy/requirements.txt"]',
      'RUN ["python3","-m","pip","install","--no-cache-dir","--requirement","/app/deploy/requirements.txt"]',
      'COPY [".","/app/"]',
    ]);
  });

  it('mounts the folder where it is live', () => {
    const { image, mounts } = specOf(python('./api/main.py', { ...uvicorn, live: true }));
    assert.deepEqual(image, { type: 'pull', reference: 'python:3.13-slim', policy: 'missing' });
    const [mount] = mounts;
    assert.ok(mount?.type === 'bind');
    const { check, ...code } = mount;
    assert.deepEqual(code, {
      ...{ type: 'bind', source: './api', target: '/app', readOnly: true },
      restartOn: 'change',
    });
    assert.deepEqual([check?.[0], check?.at(-1)], ['python3', '/app/main.py']);
  });
});

describe('recipes', () => {
  it('refuse what is no value for them, with its path', () => {
    const wrong = (given: object): (() => unknown) => {
      return () => python('main.py', { ...uvicorn, ...given });
    };
    const refused: readonly (readonly [() => unknown, string])[] = [
      [() => node('/server.js'), 'node: the file'],
      [() => node('server.R'), 'node: the file'],
      [() => node('.js'), 'node: the file'],
      [() => node('a.js', { install: 'yes' as never }), 'node: install'],
      [() => node('a.js', { live: 1 as never }), 'node: live'],
      [() => node('a.js', { build: '.' } as never), 'node: build'],
      [() => node('a.js', { command: [] } as never), 'node: command'],
      [() => node('a.js', { image: { reference: 'node', pull: 'always' } }), 'node: image.pull'],
      [() => python('main.py', undefined as never), 'python: the options'],
      [() => python('ma-in.py', uvicorn), 'python: the file'],
      [wrong({ server: 'flask' }), 'python: server'],
      [wrong({ app: 'app()' }), 'python: app'],
      [wrong({ requirements: '../requirements.txt' }), 'python: requirements'],
      [wrong({ requirements: '-r' }), 'python: requirements'],
      [wrong({ requirements: 'a$B.txt' }), 'python: requirements'],
      [wrong({ requirements: 'r.txt', live: true }), 'python: requirements'],
    ];
    for (const [make, path] of refused) assert.equal(refusedPath(make), path);
    assert.match(
      refusalOf(() => node('a.js', { build: '.' } as never)).hint ?? '',
      /stack\.app\(name, \{ build/,
    );
  });

  it('hand on what is any app’s', () => {
    const options: PythonOptions = { ...uvicorn, publish: 80, poolDefaults: { maxConcurrency: 4 } };
    assert.deepEqual(specOf(python('main.py', options)).poolDefaults, { maxConcurrency: 4 });
    assert.equal(specOf(node('a.js', { publish: 80 })).publish[0]?.port, 80);
  });
});

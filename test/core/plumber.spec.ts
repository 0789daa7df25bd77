import assert from 'node:assert/strict';
import { type FileStepSpec, Stack, plumber, type AppSpec, type PlumberOptions } from '@plumbstack/core';
import { refusalOf, refusedPath } from './refusal';

function api(file: string, options?: PlumberOptions): AppSpec {
  const stack = new Stack('s');
  const app = stack.app('a', plumber(file, options));
  stack.validate();
  return app.toSpec();
}

type BuildSpec = Extract<AppSpec['image'], { type: 'build' }>;

function buildOf(file: string, options?: PlumberOptions): BuildSpec {
  const { image } = api(file, options);
  assert.ok(image.type === 'build');
  return image;
}

/** The Dockerfile that plumber(...) writes for what the code is put onto, line by line. */
function dockerfile(options: PlumberOptions): readonly string[] {
  return buildOf('./plumber.R', options).inline?.trimEnd().split('\n') ?? [];
}

/** What stands behind that: lines, and lines about a file. */
function stepsOf(file: string, options: PlumberOptions = {}): readonly (string | FileStepSpec)[] {
  const { steps = [] } = buildOf(file, options);
  return typeof steps === 'string' ? [steps] : steps;
}
const linesOf = (file: string, options: PlumberOptions = {}): string =>
  stepsOf(file, options)
    .filter((each) => typeof each === 'string')
    .join('\n');

describe('plumber(file)', () => {
  it("runs the file on plumber's own image, on 8000, with its folder copied to /app", () => {
    const spec = api('./app2/plumber.R');
    const { context, inline } = buildOf('./app2/plumber.R');
    assert.deepEqual([context, inline], ['./app2', 'FROM rstudio/plumber:latest\n']);
    const [copy, parse, ...rest] = linesOf('./app2/plumber.R').trimEnd().split('\n');
    assert.equal(copy, 'COPY [".","/app/"]');
    assert.match(parse ?? '', /^RUN \["Rscript",.*parse.*"\/app\/plumber.R"\]$/);
    assert.deepEqual(rest, []);
    assert.equal(spec.port, 8000);
    assert.deepEqual(spec.mounts, []);
    assert.equal(spec.workingDir, '/app');
    assert.deepEqual(spec.env, {});
    assert.equal(spec.entrypoint?.[0], 'Rscript');
    assert.deepEqual(spec.command, ['/app/plumber.R']);
    assert.match(spec.prefixEnv ?? '', /^PLUMBER_API(?:URL|PATH)$/);
  });

  for (const [file, source, command] of [
    ['plumber.R', '.', '/app/plumber.R'],
    ['./plumber.R', '.', '/app/plumber.R'],
    ['apis/one/api.r', 'apis/one', '/app/api.r'],
    ['/srv/api/plumber.R', '/srv/api', '/app/plumber.R'],
    ['../api/entrypoint.R', '../api', '/app/entrypoint.R'],
    ['my apis/it\'s "one".R', 'my apis', '/app/it\'s "one".R'],
    ['api/_server.yml', 'api', '/app/_server.yml'],
    ['api/_server.yaml', 'api', '/app/_server.yaml'],
  ] as const) {
    it(`of ${file} copies ${source} and runs ${command}; live, mounts it`, () => {
      const { command: run, mounts } = api(file);
      assert.deepEqual([buildOf(file).context, run, mounts], [source, [command], []]);
      const live = api(file, { live: true });
      const [mount, ...more] = live.mounts;
      assert.ok(mount?.type === 'bind');
      const { check, ...rest } = mount;
      assert.deepEqual(
        [live.image, rest, more, live.command],
        [
          { type: 'pull', reference: 'rstudio/plumber:latest', policy: 'missing' },
          { type: 'bind', source, target: '/app', readOnly: true, restartOn: 'change' },
          [],
          [command],
        ],
      );
      // Of a _server.yml, only what it names knows how to read it.
      assert.equal(check?.at(-1), /ya?ml$/.test(file) ? undefined : command);
    });
  }

  it('copies the folder behind the steps of a Dockerfile of its own, and mounts that of another context', () => {
    const alone = linesOf('./api/plumber.R');
    for (const context of ['./api', 'api/', './/api/.'])
      for (const build of [context, { context }, { context, dockerfile: 'R.Dockerfile', args: { A: 'b' } }]) {
        const spec = api('./api/plumber.R', { build });
        assert.ok(spec.image.type === 'build');
        assert.deepEqual([spec.image.steps, spec.mounts], [[alone], []]);
      }
    const own = { build: { context: './api', steps: 'ENV A=b' } };
    assert.deepEqual(stepsOf('./api/plumber.R', own), ['ENV A=b', alone]);
    for (const build of ['.', './api/image', { inline: 'FROM r-base' }, { context: './other' }]) {
      const spec = api('./api/plumber.R', { build });
      assert.ok(spec.image.type === 'build');
      assert.deepEqual([spec.image.steps, spec.mounts.length], [undefined, 1]);
    }
    assert.equal(api('./api/plumber.R', { build: './api', live: true }).mounts.length, 1);
  });

  it('never puts the name of the file into R code', () => {
    const name = '"); system("id"); ("';
    const { entrypoint, command } = api(`./${name}.R`);
    assert.deepEqual(entrypoint, api('./plumber.R').entrypoint);
    assert.deepEqual(command, [`/app/${name}.R`]);
  });

  it('does not parse what is no R', () => {
    assert.equal(linesOf('api/_server.yml'), 'COPY [".","/app/"]\n');
  });

  it('installs what a lock file says before the code is there, and where there is one', () => {
    const [lock, code, ...more] = stepsOf('api/plumber.R');
    assert.ok(typeof lock === 'object' && typeof code === 'string' && more.length === 0);
    assert.deepEqual([lock.file, lock.optional], ['renv.lock', true]);
    const [user, profile, copy, restore] = lock.lines.trimEnd().split('\n');
    assert.deepEqual([user, profile], ['USER root', 'ENV RENV_CONFIG_AUTOLOADER_ENABLED=FALSE']);
    assert.equal(copy, 'COPY ["renv.lock","/usr/local/share/plumbstack/"]');
    assert.match(
      restore ?? '',
      /^RUN \["Rscript".*"","debian","\/usr\/local\/share\/plumbstack\/renv\.lock"\]$/,
    );
    assert.deepEqual(stepsOf('api/plumber.R', { renv: false }), [code]);
    for (const [renv, file] of [
      [true, 'renv.lock'],
      ['vetiver_renv.lock', 'vetiver_renv.lock'],
    ] as const) {
      const [asked] = stepsOf('api/plumber.R', { renv, cran: 'https://cran.example', debian: false });
      assert.ok(typeof asked === 'object');
      assert.deepEqual([asked.file, asked.optional], [file, false]);
      assert.ok(asked.lines.includes('"https://cran.example","source"'), asked.lines);
    }
    // Of a folder that is not sent, only where it is asked for; a Dockerfile sees to what it needs.
    assert.equal(api('api/plumber.R', { live: true }).image.type, 'pull');
    const [only, ...others] = stepsOf('api/plumber.R', { live: true, renv: true });
    assert.ok(typeof only === 'object' && others.length === 0);
    assert.deepEqual(stepsOf('api/plumber.R', { build: './api' }), [code]);
  });

  it('gives names, versions and repositories to R as arguments', () => {
    const line =
      dockerfile({ packages: ['zoo@1.8-12', 'jsonlite'], cran: 'http://mirror:8080/cran' }).at(-1) ?? '';
    const commandOf = (run: string): readonly string[] => JSON.parse(run.slice('RUN '.length)) as string[];
    const command = commandOf(line);
    assert.deepEqual(command.slice(3), ['http://mirror:8080/cran', 'debian', 'zoo@1.8-12', 'jsonlite']);
    assert.equal(command[2], commandOf(dockerfile({ packages: ['a1'] }).at(-1) ?? '')[2]);
  });

  it('runs a _server.yml in another way than an R file', () => {
    assert.notDeepEqual(api('_server.yml').entrypoint, api('plumber.R').entrypoint);
    assert.match(api('_server.yml').entrypoint?.at(-1) ?? '', /launch_server/);
    assert.match(api('plumber.R').entrypoint?.at(-1) ?? '', /plumber::plumb/);
  });

  it('tells the API its port where it is not 8000', () => {
    assert.deepEqual(api('plumber.R', { port: 8001 }).env, { PLUMBSTACK_PORT: '8001' });
    assert.equal(api('plumber.R', { port: 8001 }).port, 8001);
    assert.deepEqual(api('plumber.R', { port: 8001, env: { A: 'b' } }).env, {
      PLUMBSTACK_PORT: '8001',
      A: 'b',
    });
  });

  it('lets the caller say otherwise', () => {
    const spec = api('plumber.R', {
      image: { reference: 'rocker/r-ver:4', pull: 'always' },
      live: true,
      prefixEnv: 'BASE',
      workingDir: '/srv',
      restart: 'no',
      mounts: [{ bind: './data', target: '/data' }],
    });
    assert.deepEqual(spec.image, { type: 'pull', reference: 'rocker/r-ver:4', policy: 'always' });
    assert.deepEqual([spec.prefixEnv, spec.workingDir, spec.restart], ['BASE', '/srv', 'no']);
    assert.deepEqual(
      spec.mounts.map(({ target }) => target),
      ['/data', '/app'],
    );
    assert.equal(api('plumber.R', { build: './image' }).image.type, 'build');
    assert.deepEqual(dockerfile({ image: 'rocker/r-ver:4' }), ['FROM rocker/r-ver:4']);
  });

  for (const [what, call] of [
    ['no R file', () => plumber('./plumber.py')],
    ['a folder', () => plumber('./api/')],
    ['nothing', () => plumber('')],
    ['a line end', () => plumber('a\n.R')],
    ['no string', () => plumber(5 as never)],
    ['a file in the root folder, which would show the container everything', () => plumber('/plumber.R')],
    ['no options', () => plumber('a.R', null as never)],
    ['a command', () => plumber('a.R', { command: ['R'] } as never)],
    ['an entry point', () => plumber('a.R', { entrypoint: ['R'] } as never)],
    ['mounts that are no list', () => plumber('a.R', { mounts: {} as never })],
    ['live that is no flag', () => plumber('a.R', { live: 1 as never })],
    ['a version that is none', () => plumber('a.R', { packages: ['zoo@latest'] })],
    ['two versions of a package', () => plumber('a.R', { packages: ['zoo@1.8-12', 'zoo@1.8-11'] })],
    ['a package with a version and without', () => plumber('a.R', { packages: ['zoo', 'zoo@1.8-11'] })],
    ['a lock file elsewhere', () => plumber('a.R', { renv: '../renv.lock' })],
    ['a lock file that is a variable', () => plumber('a.R', { renv: '$HOME' })],
    ['a lock file beside a Dockerfile', () => plumber('a.R', { renv: true, build: '.' })],
    ['a repository that is no URL', () => plumber('a.R', { cran: 'cran' })],
    ['a repository with a password', () => plumber('a.R', { cran: 'https://me:secret@cran.example' })],
    ['debian that is no flag', () => plumber('a.R', { debian: 'no' as never })],
    [
      'a pull policy of what is only the base of its image',
      () => plumber('a.R', { image: { reference: 'rocker/r-ver:4', pull: 'always' } }),
    ],
  ] as const) {
    it(`refuses ${what}`, () => {
      refusalOf(call);
    });
  }

  it('names an option of the caller as the caller wrote it', () => {
    const wrong = (options: object): unknown => refusedPath(() => api('a.R', options));
    assert.equal(wrong({ mounts: [{ bind: 'a', target: 'b' }] }), 'a.mounts[0].target');
    assert.equal(wrong({ package: ['a'] }), 'a.package');
    assert.equal(wrong({ port: 'x' }), 'a.port');
  });
});

describe('plumber(file, { packages })', () => {
  it('builds an image from a Dockerfile in exec form, with the names as arguments', () => {
    const [from, user, ...runs] = dockerfile({
      packages: ['jsonlite', 'data.table'],
      systemPackages: ['libpq-dev', 'g++'],
    });
    assert.deepEqual([from, user], ['FROM rstudio/plumber:latest', 'USER root']);
    const commands = runs.map((run) => {
      assert.match(run, /^RUN \[/);
      return JSON.parse(run.slice('RUN '.length)) as string[];
    });
    assert.equal(commands.length, 3);
    assert.deepEqual(commands[1]?.slice(-2), ['libpq-dev', 'g++']);
    assert.deepEqual(commands[2]?.slice(-2), ['jsonlite', 'data.table']);
    for (const name of ['jsonlite', 'data.table']) {
      assert.ok(
        !commands[2]?.slice(0, -2).some((each) => each.includes(name)),
        'no name is part of any code',
      );
    }
  });

  it('builds only what is asked for', () => {
    assert.equal(dockerfile({ packages: ['jsonlite'] }).length, 3);
    assert.equal(dockerfile({ systemPackages: ['libpq-dev'] }).length, 4);
    assert.equal(dockerfile({ packages: [], systemPackages: [] }).length, 1);
  });

  it("starts from the caller's image", () => {
    assert.equal(dockerfile({ packages: ['jsonlite'], image: 'rocker/r-ver:4' })[0], 'FROM rocker/r-ver:4');
    assert.equal(
      dockerfile({ packages: ['jsonlite'], image: { reference: 'rocker/r-ver:4' } })[0],
      'FROM rocker/r-ver:4',
    );
    refusalOf(() => plumber('a.R', { packages: ['jsonlite'], image: 'a\nRUN id' }));
    refusalOf(() => plumber('a.R', { packages: ['jsonlite'], image: {} as never }));
  });

  it('gives the workers a key for session cookies, and R what it needs for them', () => {
    const stack = new Stack('s');
    const key = stack.secret('key', { generateBytes: 32 });
    const {
      secrets = [],
      env,
      build,
    } = plumber('a.R', {
      packages: ['DBI'],
      secrets: [key],
      session: { key, cookie: 'sid', secure: true },
    });
    assert.deepEqual(secrets, [key, { secret: key, target: '/run/secrets/plumbstack.session' }]);
    assert.deepEqual(env, {
      PLUMBSTACK_SESSION_KEY_FILE: '/run/secrets/plumbstack.session',
      PLUMBSTACK_SESSION_COOKIE: 'sid',
      PLUMBSTACK_SESSION_SECURE: '1',
    });
    assert.match(JSON.stringify(build), /DBI.*sodium.*base64enc/);
    assert.equal(plumber('api/a.R', { build: '.', session: { key } }).build, '.');
  });

  it('refuses what is no key, and cookies for an API that makes itself', () => {
    const stack = new Stack('s');
    const key = stack.secret('key', { generateBytes: 32 });
    const short = stack.secret('short', { generateBytes: 16 });
    for (const session of [
      {},
      { key: 'x' },
      { key: short },
      { key, cookie: 'a b' },
      { key, path: '/' },
      key,
      5,
    ]) {
      refusalOf(() => plumber('a.R', { session: session as never }));
    }
    refusalOf(() => plumber('_server.yml', { session: { key } }));
  });

  it('leaves packages to the Dockerfile where one is given', () => {
    refusalOf(() => plumber('a.R', { packages: ['jsonlite'], build: '.' }));
  });

  for (const packages of [
    ['json lite'],
    ['-e'],
    ['a'],
    ['1a'],
    ['a"; system("id")'],
    ['a\nb'],
    ['a-b'],
    ['a.'],
    [''],
    [5],
    'jsonlite',
    null,
  ]) {
    it(`refuses the R packages ${JSON.stringify(packages)}`, () => {
      refusalOf(() => plumber('a.R', { packages: packages as never }));
    });
  }

  for (const systemPackages of [
    ['-y'],
    ['--purge'],
    ['curl-'],
    ['a b'],
    ['A'],
    ['a;b'],
    ['a'],
    ['a\n'],
    'curl',
    null,
  ]) {
    it(`refuses the Debian packages ${JSON.stringify(systemPackages)}`, () => {
      refusalOf(() => plumber('a.R', { systemPackages: systemPackages as never }));
    });
  }
});

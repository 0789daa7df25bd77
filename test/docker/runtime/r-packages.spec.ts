import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { isPlumbstackError, plumber, type PlumberOptions, type Stack } from '@plumbstack/core';
import { buildImage, docker, until } from '../../support/docker-cli';
import { Lab } from '../../support/lab';

const server = `
const { createReadStream } = require('node:fs');
require('node:http').createServer(({ url }, response) => {
  const file = createReadStream('/cran' + url);
  file.on('error', () => response.writeHead(404).end()).on('open', () => file.pipe(response));
}).listen(80);
`;

/** A repository of R packages in a container that builds reach, as CRAN is one: the present versions, and those of before apart. */
class SmallCran {
  readonly #container: string;
  readonly url: string;

  private constructor(container: string, url: string) {
    this.#container = container;
    this.url = url;
  }

  static async start(): Promise<SmallCran> {
    const folder = await mkdtemp(join(tmpdir(), 'er-cran-'));
    try {
      await write(folder, 'src/contrib/Archive/alpha/alpha_1.0.0.tar.gz', await packed('alpha', '1.0.0'));
      const present = [
        { name: 'alpha', version: '2.0.0', needs: '' },
        { name: 'beta', version: '1.0.0', needs: 'alpha' },
        { name: 'renv', version: '9.9.9', needs: '' },
      ];
      const index: string[] = [];
      for (const { name, version, needs } of present) {
        const archive = await packed(name, version, needs);
        await write(folder, `src/contrib/${name}_${version}.tar.gz`, archive);
        const digest = createHash('md5').update(archive).digest('hex');
        index.push(`${described(name, version, needs)}MD5sum: ${digest}\n`);
      }
      await write(folder, 'src/contrib/PACKAGES', index.join('\n'));
      const container = await docker('create', 'node:24-slim', 'node', '-e', server);
      await docker('cp', folder, `${container}:/cran`);
      await docker('start', container);
      const address = await docker(
        'inspect',
        '--format',
        '{{.NetworkSettings.Networks.bridge.IPAddress}}',
        container,
      );
      const ask = `fetch('http://127.0.0.1/src/contrib/PACKAGES').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))`;
      await until('the repository answers', () =>
        docker('exec', container, 'node', '-e', ask).then(
          () => true,
          () => false,
        ),
      );
      return new SmallCran(container, `http://${address}`);
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await docker('rm', '--force', '--volumes', this.#container);
  }
}

async function write(folder: string, path: string, content: string | Buffer): Promise<void> {
  const file = join(folder, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
}

function described(name: string, version: string, needs: string): string {
  const imports = needs === '' ? '' : `Imports: ${needs}\n`;
  return `Package: ${name}\nVersion: ${version}\nLicense: MIT\nNeedsCompilation: no\n${imports}`;
}

/** An R package in source, which tells its name and version. */
async function packed(name: string, version: string, needs = ''): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'er-package-'));
  try {
    const about = 'Title: T\nDescription: D.\nAuthor: A\nMaintainer: A <a@example.org>\n';
    const built = 'Packaged: 2026-01-01 00:00:00 UTC; a\n';
    await write(folder, `${name}/DESCRIPTION`, `${described(name, version, needs)}${about}${built}`);
    await write(folder, `${name}/NAMESPACE`, 'export(version)\n');
    await write(folder, `${name}/R/version.R`, `version <- function() "${name} ${version}"\n`);
    const archive = join(folder, 'archive.tar.gz');
    await promisify(execFile)('tar', ['-czf', archive, '-C', folder, name]);
    return await readFile(archive);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('R packages', function () {
  this.timeout(300_000);
  const lab = new Lab();
  let folder: string;
  let cran: SmallCran;
  /** plumber's image with renv, which is not installed by every build then. */
  const image = `plumbstack-test/renv:${process.pid}`;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'er-packages-'));
    await buildImage(
      image,
      'FROM rstudio/plumber:latest\nRUN apt-get -qq update && apt-get -qq install -y --no-install-recommends r-cran-renv\n',
    );
    cran = await SmallCran.start();
  });
  afterEach(() => lab.clear());
  after(async () => {
    await cran[Symbol.asyncDispose]();
    await docker('rmi', image);
    await rm(folder, { recursive: true });
  });

  const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text);
  const code = (word: string): string =>
    `#* @serializer text\n#* @get /\nfunction() paste("${word}", alpha::version())\n`;
  /** What a lock file says of packages that are on the small repository; of another one it knows no address that answers. */
  const lock = (...packages: readonly (readonly [string, string])[]): string =>
    JSON.stringify({
      R: { Version: '4.5.0', Repositories: [{ Name: 'CRAN', URL: 'http://127.0.0.1:1' }] },
      Packages: Object.fromEntries(
        packages.map(([Package, Version]) => [
          Package,
          { Package, Version, Source: 'Repository', Repository: 'CRAN' },
        ]),
      ),
    });
  const stackOf = (stack: Stack, options: PlumberOptions = {}): Stack => {
    const next = lab.again(stack, { baseDir: folder });
    const publish = { port: 0, host: '127.0.0.1' };
    next.app('app', plumber('./plumber.R', { image, cran: cran.url, debian: false, publish, ...options }));
    return next;
  };
  const answer = async (stack: Stack): Promise<string> =>
    (await fetch((await lab.runtime.up(stack)).endpoint('app'))).text();
  const failure = async (stack: Stack): Promise<string> => {
    const error: unknown = await lab.runtime.up(stack).catch((thrown: unknown) => thrown);
    assert.ok(isPlumbstackError(error, 'IMAGE_BUILD_FAILED'), String(error));
    return error.message;
  };

  it('are of the version that is asked for, present or not, with what they need', async () => {
    await write('plumber.R', code('pinned'));
    const packages = ['alpha@1.0.0', 'beta'];
    assert.equal(await answer(stackOf(lab.stack(), { packages, renv: false })), 'pinned alpha 1.0.0');
  });

  it('are those of the lock file, in a layer that stays while it is the same', async () => {
    const stack = lab.stack();
    await write('plumber.R', code('one'));
    // As renv writes it: with itself, and a profile that leads to a library of the project's own.
    await write('renv.lock', lock(['alpha', '1.0.0'], ['renv', '9.9.9']));
    await write('.Rprofile', 'source("renv/activate.R")\n');
    await mkdir(join(folder, 'renv'), { recursive: true });
    await write(
      'renv/activate.R',
      'if (Sys.getenv("RENV_CONFIG_AUTOLOADER_ENABLED") != "FALSE") .libPaths(tempdir(), include.site = FALSE)\n',
    );
    assert.equal(await answer(stackOf(stack)), 'one alpha 1.0.0');
    const layers = async (): Promise<readonly string[]> => {
      const image = await docker('inspect', '--format', '{{.Image}}', `${stack.name}-app`);
      return JSON.parse(await docker('inspect', '--format', '{{json .RootFS.Layers}}', image)) as string[];
    };
    const before = await layers();
    await write('plumber.R', code('two'));
    assert.equal(await answer(stackOf(stack)), 'two alpha 1.0.0');
    const after = await layers();
    // The code is the last layer that is not empty; the parse step may write none.
    const same = before.filter((each, index) => after[index] === each).length;
    assert.ok(same >= before.length - 2 && same < before.length, `${same} of ${before.length}`);
    await write('renv.lock', lock(['alpha', '9.9.9']));
    assert.match(await failure(stackOf(stack)), /not installed as renv\.lock says: alpha 9\.9\.9/);
    // What serves is as it was.
    const deployment = await lab.runtime.attach(stack.name);
    assert.equal(await (await fetch(deployment.endpoint('app'))).text(), 'two alpha 1.0.0');
    await write('renv.lock', '{ "Packages": ');
    assert.match(await failure(stackOf(stack)), /renv\.lock is no lock file of renv/);
    await rm(join(folder, 'renv.lock'));
  });

  it('come from Debian where no repository answers, in the very version of the lock file', async () => {
    await write(
      'plumber.R',
      '#* @serializer text\n#* @get /\nfunction() as.character(utils::packageVersion("zoo"))\n',
    );
    const policy = await docker(
      ...['run', '--rm', '--entrypoint', 'sh', 'rstudio/plumber:latest', '-c'],
      'apt-get -qq update && apt-cache policy r-cran-zoo',
    );
    const version = /Candidate: (\S+)-[^-\s]+$/m.exec(policy)?.[1] ?? '';
    const offline = { cran: 'http://127.0.0.1:1', debian: true };
    await write('renv.lock', lock(['zoo', version]));
    assert.equal(await answer(stackOf(lab.stack(), offline)), version.replace('-', '.'));
    await write('renv.lock', lock(['zoo', '0.0.1']));
    assert.match(
      await failure(stackOf(lab.stack(), offline)),
      /not installed as renv\.lock says: zoo 0\.0\.1/,
    );
    await rm(join(folder, 'renv.lock'));
  });
});

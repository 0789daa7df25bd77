import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

const packagesFolder = join(__dirname, '../../packages');

export interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** A package as it would be published. */
export interface PackedPackage {
  readonly name: string;
  readonly folder: string;
  readonly manifest: Manifest;
  readonly tarball: Buffer;
  readonly tarballPath: string;
  /** Paths in it, without the leading `package/`. */
  readonly files: readonly string[];
}

/** Folders of all packages that are published. */
export function publishedPackages(): readonly string[] {
  return readdirSync(packagesFolder)
    .map((name) => join(packagesFolder, name))
    .filter((folder) => existsSync(join(folder, 'package.json')) && manifestOf(folder).private !== true);
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}

/** Packs a package into a folder. */
export function pack(folder: string, into: string): PackedPackage {
  const manifest = manifestOf(folder);
  const output = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', into], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [packed] = JSON.parse(output) as [
    { readonly filename: string; readonly files: readonly { readonly path: string }[] },
  ];
  const tarballPath = join(into, packed.filename);
  return {
    name: manifest.name,
    folder,
    manifest,
    tarballPath,
    tarball: readFileSync(tarballPath),
    files: packed.files.map(({ path }) => path),
  };
}

/** Puts packed packages into a program's `node_modules`, with links to the dependencies that this checkout has installed. */
export function install(packages: readonly PackedPackage[], program: string): void {
  const modules = join(program, 'node_modules');
  const link = (dependency: string, from: string): void => {
    const place = join(modules, dependency);
    if (existsSync(place)) return;
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(join(from, 'node_modules', dependency), place);
  };
  for (const { name, tarballPath } of packages) {
    const place = join(modules, name);
    mkdirSync(place, { recursive: true });
    execFileSync('tar', ['-xzf', tarballPath, '-C', place, '--strip-components=1']);
  }
  for (const { manifest, folder } of packages) {
    const wanted = { ...manifest.dependencies, ...manifest.peerDependencies };
    const dependencies = Object.keys(wanted).filter((each) => !each.startsWith('@plumbstack/'));
    for (const dependency of dependencies) link(dependency, folder);
    for (const types of ['@types/node', '@types/dockerode', '@types/tar-fs']) {
      if (existsSync(join(folder, 'node_modules', types))) link(types, folder);
    }
  }
}

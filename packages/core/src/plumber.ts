import { line, list, matching, refuse } from './check.js';
import type { AppOptions } from './app.js';
import type { BuildOptions } from './image.js';

export interface PlumberOptions extends Omit<AppOptions, 'command' | 'entrypoint'> {
  /** R packages to install into the image, by their names on CRAN. Those that are there are left alone. */
  readonly packages?: readonly string[];
  /** Debian packages to install into the image, as `libpq-dev`. */
  readonly systemPackages?: readonly string[];
}

/** Docker Hub's image of plumber's own authors: https://hub.docker.com/r/rstudio/plumber */
const defaultImage = 'rstudio/plumber:latest';
/** Where the API's folder appears in the container. */
const folder = '/app';

const packageName = matching(/^[A-Za-z][A-Za-z0-9.]*[A-Za-z0-9]$/, "an R package's name");
const systemPackageName = matching(/^[a-z0-9][a-z0-9+.-]+$/, "a Debian package's name");

// The file's name arrives as an argument: R code is never put together from values. setDocs keeps `/__docs__/` on
// where R is not interactive. https://www.rplumber.io/articles/hosting.html#docker-basic
const runPlumber = [
  'file <- commandArgs(trailingOnly = TRUE)[[1]]',
  'api <- plumber::plumb(file)',
  'if (utils::packageVersion("plumber") >= "1.0.0") api <- plumber::pr_set_docs(api, TRUE)',
  'api$run(host = "0.0.0.0", port = as.integer(Sys.getenv("PLUMBSTACK_PORT", "8000")))',
].join('; ');

// `_server.yml` names the package that runs it, and that package exports `launch_server`:
// https://github.com/posit-dev/plumber2/blob/main/vignettes/articles/server_yml.qmd
const runServerYml = [
  'file <- commandArgs(trailingOnly = TRUE)[[1]]',
  'engine <- yaml::read_yaml(file)$engine',
  'launch <- getExportedValue(engine, "launch_server")',
  'launch(file, host = "0.0.0.0", port = as.integer(Sys.getenv("PLUMBSTACK_PORT", "8000")))',
].join('; ');

// Debian's R takes packages as binaries from Debian; every other R takes them from its own repository. The names are
// arguments here too.
const installPackages = [
  'wanted <- setdiff(commandArgs(trailingOnly = TRUE), rownames(installed.packages()))',
  'debian <- file.exists("/usr/lib/R/bin/R")',
  'if (debian && length(wanted)) { system2("apt-get", c("update", "-qq")); system2("apt-get", c("install", "-y", "-qq", "--no-install-recommends", paste0("r-cran-", tolower(wanted)))) }',
  'wanted <- setdiff(wanted, rownames(installed.packages()))',
  'if (length(wanted)) install.packages(wanted, repos = getOption("repos", c(CRAN = "https://cloud.r-project.org")))',
  'missing <- setdiff(wanted, rownames(installed.packages()))',
  'if (length(missing)) stop("not installed: ", toString(missing))',
].join('; ');

/**
 * Turns one R file into an app's options: the image, the file's folder mounted read-only at `/app`, the command that
 * plumbs it, port 8000, and `PLUMBER_APIPATH` where a route leads to it. A `_server.yml` runs with the engine that it
 * names, as plumber2 has it.
 *
 * @param file path of the R file or `_server.yml` on the engine's machine; a relative one starts from the stack's `baseDir`
 * @example stack.app('app2', plumber('./app2/plumber.R', { packages: ['jsonlite'] }))
 */
export function plumber(file: string, given: PlumberOptions = {}): AppOptions {
  const path = line(file, 'plumber: the file');
  const { packages = [], systemPackages = [], ...rest } = given;
  list(packageName)(packages, 'plumber: packages');
  list(systemPackageName)(systemPackages, 'plumber: systemPackages');
  const slash = path.lastIndexOf('/');
  const directory = slash > 0 ? path.slice(0, slash) : slash === 0 ? '/' : '.';
  const base = path.slice(slash + 1);
  if (!/\.(?:R|r|ya?ml)$/.test(base)) refuse('plumber: the file', 'an R file or a _server.yml', file);
  const run = /\.ya?ml$/.test(base) ? runServerYml : runPlumber;
  const port = rest.port ?? 8000;
  return {
    ...rest,
    ...imageOf(rest, packages, systemPackages),
    port,
    prefixEnv: rest.prefixEnv ?? 'PLUMBER_APIPATH',
    mounts: [{ bind: directory, target: folder, readOnly: true }, ...(rest.mounts ?? [])],
    workingDir: rest.workingDir ?? folder,
    env: { ...(port !== 8000 && { PLUMBSTACK_PORT: String(port) }), ...rest.env },
    entrypoint: ['Rscript', '--vanilla', '-e', run],
    command: [`${folder}/${base}`],
  };
}

function imageOf(
  given: Pick<AppOptions, 'image' | 'build'>,
  packages: readonly string[],
  systemPackages: readonly string[],
): Pick<AppOptions, 'image' | 'build'> {
  if (packages.length === 0 && systemPackages.length === 0) {
    return given.image === undefined && given.build === undefined ? { image: defaultImage } : {};
  }
  if (given.build !== undefined) {
    refuse('plumber: packages', 'left to the Dockerfile where build is given', packages);
  }
  const from = typeof given.image === 'object' ? given.image.reference : (given.image ?? defaultImage);
  const steps = [
    ...(systemPackages.length === 0
      ? []
      : [
          'RUN ["apt-get", "update", "-qq"]',
          `RUN ${JSON.stringify(['apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...systemPackages])}`,
        ]),
    ...(packages.length === 0
      ? []
      : [`RUN ${JSON.stringify(['Rscript', '--vanilla', '-e', installPackages, ...packages])}`]),
  ];
  const build: BuildOptions = { inline: [`FROM ${from}`, 'USER root', ...steps, ''].join('\n') };
  return { build };
}


import { flag, list, matching, options, refuse } from './check.js';
import type { AppOptions } from './app.js';
import type { Build } from './image.js';
import type { Mount } from './mount.js';
import {
  lockFile,
  lockStep,
  packageLines,
  refuseTwoVersions,
  repository,
  rPackage,
  systemPackage,
  type RPackages,
} from './r-packages.js';
import { baseOf, codeFolder, entryOf, listed, liveMount, refuseOwn } from './recipe.js';
import { isResource } from './resource.js';
import type { Secret } from './secret.js';
import type { SecretMount } from './secret-mount.js';

export interface PlumberOptions extends Omit<AppOptions, 'command' | 'entrypoint'> {
  /**
   * R packages to install into the image, by their names on CRAN, as `zoo`, or with a version, as `zoo@1.8-12`. Those without one
   * are left alone where they are there. The image made this way runs as root unless `user` says otherwise.
   */
  readonly packages?: readonly string[];
  /** Debian packages to install into the image, as `libpq-dev`. */
  readonly systemPackages?: readonly string[];
  /**
   * Installs what a lock file of renv in the API's folder says, in a layer of its own that is kept while that file is the same; `true` for
   * `renv.lock`, or the file's name, as `vetiver_renv.lock`. What cannot be installed as it says fails the build by its name. Not with
   * `build`, whose Dockerfile installs what it needs.
   * @default `renv.lock`, where the folder that is sent has one
   */
  readonly renv?: boolean | string;
  /**
   * The repository that R packages are taken from, as `https://packagemanager.posit.co/cran/2026-11-01`; of a lock file, in the place of the
   * one that it names. @default the image's own, or https://cloud.r-project.org
   */
  readonly cran?: string;
  /**
   * Whether Debian's own packages (`r-cran-...`) are taken first, where R of the image is Debian's: they are binaries, and there without a
   * repository of R packages. Where a version is asked for, only of that version. @default true
   */
  readonly debian?: boolean;
  /**
   * Mounts the file's folder instead of copying it, for the time in which it is written: no image is made, and a change is another
   * container that reads what was saved. It is a part of no version: whatever starts again reads what is there then, and
   * nothing brings the code of before back. The engine is on the program's machine. @default false
   */
  readonly live?: boolean;
  /** Encrypted session cookies: `req$session` is kept by the client, so that every worker of a pool knows it. @default none */
  readonly session?: PlumberSession;
}

/** plumber's `session_cookie`: https://www.rplumber.io/reference/session_cookie.html */
export interface PlumberSession {
  /**
   * What the cookies are encrypted with: 64 hex digits, as `stack.secret('session', { generateBytes: 32 })` makes them.
   * Another key, as by another `rotation`, ends all sessions: plumber cannot read what the one before has written.
   */
  readonly key: Secret;
  /** Name of the cookie. @default 'plumber' */
  readonly cookie?: string;
  /** Whether browsers are to send it over TLS only. @default false */
  readonly secure?: boolean;
}

/** Docker Hub's image of plumber's own authors: https://hub.docker.com/r/rstudio/plumber */
const defaultImage = 'rstudio/plumber:latest';

// The file's name arrives as an argument: R code is never put together from values. An `entrypoint.R` makes the router
// itself, which `plumb` knows by its folder only. Plumber is attached, as in the session that the file was written in.
// pr_set_docs keeps `/__docs__/` on where R is not interactive. A session cookie belongs to the API's public prefix.
// https://www.rplumber.io/articles/hosting.html#docker-basic
const runPlumber = [
  'file <- commandArgs(trailingOnly = TRUE)[[1]]',
  'library(plumber)',
  'made <- tolower(basename(file)) == "entrypoint.r"',
  'api <- if (made) plumber::plumb(dir = dirname(file)) else plumber::plumb(file)',
  'if (utils::packageVersion("plumber") >= "1.0.0") api <- plumber::pr_set_docs(api, TRUE)',
  'prefix <- Sys.getenv("PLUMBER_APIURL")',
  'key <- Sys.getenv("PLUMBSTACK_SESSION_KEY_FILE")',
  'if (nzchar(key)) api <- plumber::pr_cookie(api, readLines(key, warn = FALSE)[[1]], ' +
    'name = Sys.getenv("PLUMBSTACK_SESSION_COOKIE"), secure = nzchar(Sys.getenv("PLUMBSTACK_SESSION_SECURE")), ' +
    'same_site = "Lax", path = if (startsWith(prefix, "/")) prefix else "/")',
  'api$run(host = "0.0.0.0", port = as.integer(Sys.getenv("PLUMBSTACK_PORT", "8000")))',
].join('; ');

// `_server.yml` names the package that runs it, and that package has a `launch_server`, exported or not; plumber itself
// up to 1.3 has none. The one line is read without the yaml package, which plumber's image need not have.
// https://github.com/posit-dev/plumber2/blob/main/vignettes/articles/server_yml.qmd
const runServerYml = [
  'file <- commandArgs(trailingOnly = TRUE)[[1]]',
  'named <- grep("^engine:", readLines(file), value = TRUE)',
  'if (length(named) != 1) stop(file, " must name its engine in one line, as engine: plumber2")',
  'engine <- trimws(gsub("^engine:|[\\"\']|#.*$", "", named))',
  'port <- as.integer(Sys.getenv("PLUMBSTACK_PORT", "8000"))',
  'launch <- get0("launch_server", envir = asNamespace(engine), mode = "function")',
  'if (!is.null(launch)) launch(file, host = "0.0.0.0", port = port)',
  'if (is.null(launch) && engine != "plumber") stop("the package ", engine, " has no launch_server")',
  'if (is.null(launch)) plumber::pr_set_docs(plumber::plumb(dir = dirname(file)), TRUE)$run(host = "0.0.0.0", port = port)',
].join('; ');

// Found while the image is built, with R's own line and message: nothing has been asked to leave by then.
const parseFile = 'invisible(parse(commandArgs(trailingOnly = TRUE)[[1]], encoding = "UTF-8"))';

// The same before a process is stopped that sees the same files: all that the file sources is read, and nothing runs yet.
const plumbFile = [
  'file <- commandArgs(trailingOnly = TRUE)[[1]]',
  'library(plumber)',
  'made <- tolower(basename(file)) == "entrypoint.r"',
  'invisible(if (made) plumber::plumb(dir = dirname(file)) else plumber::plumb(file))',
].join('; ');

/**
 * Turns one R file into an app's options: an image that has the file's folder at `/app`, the command that plumbs the file, port
 * 8000, and `PLUMBER_APIURL` where a route leads to it, so that its OpenAPI description names the public path. What is in
 * the folder is the app's version: an edit is a step of the plan, an update and something to roll back from, on whichever
 * machine the engine is. What must not be sent is named in the folder's `.dockerignore`, as for `docker build`. An R file that does not parse fails the
 * build (`IMAGE_BUILD_FAILED`), before anything is updated.
 *
 * With a `build` whose context is that folder, the folder is copied to `/app` behind the Dockerfile's own steps. With one of
 * another context the folder is mounted, as by `live`. An `entrypoint.R` and a `_server.yml` run as plumber has it; the engine that
 * a `_server.yml` names has to be in the image, as by `packages: ['plumber2']`.
 *
 * A pool of it gives each worker one request at a time where its `maxConcurrency` says nothing else.
 *
 * @param file path of the R file or `_server.yml`; a relative one starts from the stack's `baseDir`
 * @example stack.app('app2', plumber('./app2/plumber.R', { packages: ['jsonlite'] }))
 */
export function plumber(file: string, given: PlumberOptions = {}): AppOptions {
  const entry = entryOf('plumber', file, /\.(?:R|r|ya?ml)$/, 'an R file or a _server.yml');
  refuseOwn('plumber', given);
  const { session, live, image, build, mounts = [], ...others } = given;
  const { packages = [], systemPackages = [], renv, cran, debian = true, ...rest } = others;
  const isLive = live !== undefined && flag(live, 'plumber: live');
  list(rPackage)(packages, 'plumber: packages');
  refuseTwoVersions(packages, 'plumber: packages');
  list(systemPackage)(systemPackages, 'plumber: systemPackages');
  const path = `${codeFolder}/${entry.file}`;
  const isR = !/\.ya?ml$/.test(entry.file);
  const port = rest.port ?? 8000;
  const cookies = session === undefined ? undefined : sessionOptions(session);
  if (cookies !== undefined && !isR)
    refuse('plumber: session', 'left out for a _server.yml, which makes its API itself', session);
  const steps = stepsFor(path, isR);
  // Of its own image, a Dockerfile sees to what plumber needs for cookies.
  const needed = cookies === undefined || build !== undefined ? packages : [...packages, ...cookies.packages];
  const isCopied = !isLive && (build === undefined || contextOf(build) === plain(entry.folder));
  const wanted: RPackages = {
    packages: [...new Set(needed)],
    systemPackages,
    lock: wantedLock(renv, isCopied && build === undefined),
    cran: cran === undefined ? undefined : repository(cran, 'plumber: cran'),
    debian: flag(debian, 'plumber: debian'),
  };
  return {
    ...rest,
    ...(cookies !== undefined && { secrets: [...(rest.secrets ?? []), cookies.secret] }),
    ...imageOf(
      { ...(image !== undefined && { image }), ...(build !== undefined && { build }) },
      wanted,
      entry.folder,
      isCopied ? steps : undefined,
    ),
    port,
    // Not PLUMBER_APIPATH: that moves `/__docs__/` below the prefix inside the app, where a router that strips the
    // prefix does not look. https://www.rplumber.io/reference/options_plumber.html
    prefixEnv: rest.prefixEnv ?? 'PLUMBER_APIURL',
    // Behind the caller's own, so that a message about one of those has the index it has in the program.
    mounts: [
      ...list<Mount>((each) => each as Mount)(mounts, 'plumber: mounts'),
      ...(isCopied ? [] : [liveMount(entry, isR ? ['Rscript', '-e', plumbFile, path] : undefined)]),
    ],
    workingDir: rest.workingDir ?? codeFolder,
    env: { ...(port !== 8000 && { PLUMBSTACK_PORT: String(port) }), ...cookies?.env, ...rest.env },
    // R answers one request at a time: a second one would wait inside a worker while another worker has nothing to do.
    poolDefaults: { maxConcurrency: 1, ...rest.poolDefaults },
    entrypoint: ['Rscript', '-e', isR ? runPlumber : runServerYml],
    command: [path],
  };
}

interface SessionParts {
  readonly packages: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly secret: SecretMount;
}

const keyFile = '/run/secrets/plumbstack.session';
/** RFC 6265, section 4.1.1: a token. */
const cookieName = matching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'the name of a cookie');

function sessionOptions(given: PlumberSession): SessionParts {
  const path = 'plumber: session';
  const {
    key,
    cookie = 'plumber',
    secure = false,
  } = options<Partial<PlumberSession>>(given, path, {
    key: (value, at) => (isResource(value, 'secret') ? (value as Secret) : refuse(at, 'a secret', value)),
    cookie: cookieName,
    secure: flag,
  });
  if (key === undefined) refuse(`${path}.key`, 'a secret made by stack.secret(...)', key);
  const { source } = key.toSpec();
  if (source.type === 'generate' && source.bytes !== 32)
    refuse(`${path}.key`, 'made of generateBytes: 32, which are the 64 hex digits of a key', source.bytes);
  return {
    packages: ['sodium', 'base64enc'],
    env: {
      PLUMBSTACK_SESSION_KEY_FILE: keyFile,
      PLUMBSTACK_SESSION_COOKIE: cookie,
      ...(secure && { PLUMBSTACK_SESSION_SECURE: '1' }),
    },
    secret: { secret: key, target: keyFile },
  };
}

/** The lock file that is to be met: without a word the one that may be in the folder, where that is sent anyway. */
function wantedLock(renv: unknown, isSent: boolean): RPackages['lock'] {
  const file = renv === undefined ? isSent : lockFile(renv, 'plumber: renv');
  if (file === false) return undefined;
  return { file: file === true ? 'renv.lock' : file, optional: renv === undefined };
}

function stepsFor(file: string, isR: boolean): string {
  const parse = `RUN ${listed('Rscript', '-e', parseFile, file)}`;
  return [`COPY ${listed('.', `${codeFolder}/`)}`, ...(isR ? [parse] : []), ''].join('\n');
}

function contextOf(build: Build): string | undefined {
  const context: unknown = typeof build === 'string' ? build : build.context;
  return typeof context === 'string' ? plain(context) : undefined;
}

/** Of two ways to write a path, one. */
function plain(path: string): string {
  const parts = path.split('/').filter((part, index) => part !== '.' && (part !== '' || index === 0));
  return parts.join('/') || (path.startsWith('/') ? '/' : '.');
}

/** @param steps what copies the code, where it is not mounted */
function imageOf(
  given: Pick<AppOptions, 'image' | 'build'>,
  wanted: RPackages,
  context: string,
  steps: string | undefined,
): Pick<AppOptions, 'image' | 'build'> {
  const lines = packageLines(wanted);
  const lock = lockStep(wanted);
  if (given.build !== undefined) {
    const toDockerfile = 'left to the Dockerfile where build is given';
    for (const option of ['packages', 'systemPackages'] as const)
      if (wanted[option].length > 0) refuse(`plumber: ${option}`, toDockerfile, wanted[option]);
    if (lock.length > 0) refuse('plumber: renv', toDockerfile, wanted.lock?.file);
    if (wanted.cran !== undefined) refuse('plumber: cran', toDockerfile, wanted.cran);
    if (steps === undefined) return given;
    const own = typeof given.build === 'string' ? { context: given.build } : given.build;
    const before = own.steps ?? [];
    return {
      ...given,
      build: { ...own, steps: [...(typeof before === 'string' ? [before] : before), steps] },
    };
  }
  if (lines.length === 0 && lock.length === 0 && steps === undefined)
    return { image: given.image ?? defaultImage };
  const from = baseOf('plumber', given.image, defaultImage);
  const own = [...lock, ...(steps === undefined ? [] : [steps])];
  return {
    build: {
      inline: [`FROM ${from}`, ...lines, ''].join('\n'),
      ...(own.length > 0 && { context, steps: own }),
    },
  };
}

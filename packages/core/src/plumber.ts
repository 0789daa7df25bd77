import { flag, isRecord, line, list, matching, options, refuse } from './check.js';
import type { AppOptions } from './app.js';
import { image as checkImage, type BuildOptions } from './image.js';
import type { Mount } from './mount.js';
import { isResource } from './resource.js';
import type { Secret } from './secret.js';
import type { SecretMount } from './secret-mount.js';

export interface PlumberOptions extends Omit<AppOptions, 'command' | 'entrypoint'> {
  /**
   * R packages to install into the image, by their names on CRAN. Those that are there are left alone. The image made
   * this way runs as root unless `user` says otherwise.
   */
  readonly packages?: readonly string[];
  /** Debian packages to install into the image, as `libpq-dev`. */
  readonly systemPackages?: readonly string[];
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
/** Where the API's folder appears in the container. */
const folder = '/app';

const apt = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq'];

const packageName = matching(/^[A-Za-z][A-Za-z0-9.]*[A-Za-z0-9]$/, "an R package's name");
// apt-get takes a hyphen at the end for the wish to remove a package.
const systemPackageName = matching(/^[a-z0-9][a-z0-9+.-]*[a-z0-9+]$/, "a Debian package's name");

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

// Debian's R takes packages as binaries from Debian, one by one, because apt refuses all where it lacks one. What is
// left, and every other R, takes them from its own repository; "@CRAN@" says that none is set. Names are arguments.
const installPackages = [
  'wanted <- setdiff(commandArgs(trailingOnly = TRUE), rownames(installed.packages()))',
  'apt <- function(...) system2("apt-get", c("-qq", ...), env = "DEBIAN_FRONTEND=noninteractive")',
  'debian <- file.exists("/usr/lib/R/bin/R") && length(wanted) > 0',
  'if (debian) apt("update")',
  'if (debian) for (each in wanted) apt("install", "-y", "--no-install-recommends", paste0("r-cran-", tolower(each)))',
  'wanted <- setdiff(wanted, rownames(installed.packages()))',
  'repos <- getOption("repos")',
  'repos[repos == "@CRAN@"] <- "https://cloud.r-project.org"',
  'if (length(wanted)) install.packages(wanted, repos = repos)',
  'missing <- setdiff(wanted, rownames(installed.packages()))',
  'if (length(missing)) stop("not installed: ", toString(missing))',
].join('; ');

/**
 * Turns one R file into an app's options: the image, the file's folder mounted read-only at `/app`, the command that
 * plumbs it, port 8000, and `PLUMBER_APIURL` where a route leads to it, so that its OpenAPI description names the public
 * path. An `entrypoint.R` and a `_server.yml` run as plumber has it; the engine that a `_server.yml` names has to be in
 * the image, as by `packages: ['plumber2']`.
 *
 * @param file path of the R file or `_server.yml` on the engine's machine; a relative one starts from the stack's `baseDir`
 * @example stack.app('app2', plumber('./app2/plumber.R', { packages: ['jsonlite'] }))
 */
export function plumber(file: string, given: PlumberOptions = {}): AppOptions {
  const path = line(file, 'plumber: the file');
  const all: unknown = given;
  if (!isRecord(all)) refuse('plumber: the options', 'an object of options', all);
  for (const ours of ['command', 'entrypoint']) {
    if (ours in all) refuse(`plumber: ${ours}`, 'left out, as plumber(...) sets it', all[ours]);
  }
  const { packages = [], systemPackages = [], session, image, build, mounts = [], ...rest } = given;
  list(packageName)(packages, 'plumber: packages');
  list(systemPackageName)(systemPackages, 'plumber: systemPackages');
  const slash = path.lastIndexOf('/');
  // The container sees the file's folder, and the root folder holds everything else too.
  if (slash === 0) refuse('plumber: the file', 'in a folder of its own, not in "/"', file);
  const directory = slash > 0 ? path.slice(0, slash) : '.';
  const base = path.slice(slash + 1);
  if (!/\.(?:R|r|ya?ml)$/.test(base)) refuse('plumber: the file', 'an R file or a _server.yml', file);
  const run = /\.ya?ml$/.test(base) ? runServerYml : runPlumber;
  const port = rest.port ?? 8000;
  const cookies = session === undefined ? undefined : sessionOptions(session);
  if (cookies !== undefined && run === runServerYml)
    refuse('plumber: session', 'left out for a _server.yml, which makes its API itself', session);
  return {
    ...rest,
    ...(cookies !== undefined && { secrets: [...(rest.secrets ?? []), cookies.secret] }),
    ...imageOf(
      { ...(image !== undefined && { image }), ...(build !== undefined && { build }) },
      // Of its own image, a Dockerfile sees to what plumber needs for cookies.
      cookies === undefined || build !== undefined
        ? packages
        : [...new Set([...packages, ...cookies.packages])],
      systemPackages,
    ),
    port,
    // Not PLUMBER_APIPATH: that moves `/__docs__/` below the prefix inside the app, where a router that strips the
    // prefix does not look. https://www.rplumber.io/reference/options_plumber.html
    prefixEnv: rest.prefixEnv ?? 'PLUMBER_APIURL',
    // Behind the caller's own, so that a message about one of those has the index it has in the program.
    mounts: [
      ...list<Mount>((each) => each as Mount)(mounts, 'plumber: mounts'),
      { bind: directory, target: folder, readOnly: true },
    ],
    workingDir: rest.workingDir ?? folder,
    env: { ...(port !== 8000 && { PLUMBSTACK_PORT: String(port) }), ...cookies?.env, ...rest.env },
    entrypoint: ['Rscript', '-e', run],
    command: [`${folder}/${base}`],
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

function imageOf(
  given: Pick<AppOptions, 'image' | 'build'>,
  packages: readonly string[],
  systemPackages: readonly string[],
): Pick<AppOptions, 'image' | 'build'> {
  if (packages.length === 0 && systemPackages.length === 0) {
    return given.image === undefined && given.build === undefined ? { image: defaultImage } : given;
  }
  if (given.build !== undefined) {
    refuse('plumber: packages', 'left to the Dockerfile where build is given', packages);
  }
  const from = checkImage(given.image ?? defaultImage, 'plumber: image').reference;
  const steps = [
    ...(systemPackages.length === 0
      ? []
      : [
          `RUN ${JSON.stringify([...apt, 'update'])}`,
          `RUN ${JSON.stringify([...apt, 'install', '-y', '--no-install-recommends', ...systemPackages])}`,
        ]),
    ...(packages.length === 0
      ? []
      : [`RUN ${JSON.stringify(['Rscript', '-e', installPackages, ...packages])}`]),
  ];
  const build: BuildOptions = { inline: [`FROM ${from}`, 'USER root', ...steps, ''].join('\n') };
  return { build };
}

import { flag, line, matching, refuse, type Check } from './check.js';
import type { FileStep } from './image.js';

/** Where R packages of an image come from, and which. */
export interface RPackages {
  /** By name, or `name@version`. */
  readonly packages: readonly string[];
  /** Debian packages that they need. */
  readonly systemPackages: readonly string[];
  /** Lock file of renv, by its name in the folder. */
  readonly lock: { readonly file: string; readonly optional: boolean } | undefined;
  /** The repository of R packages, where it is not the image's own. */
  readonly cran: string | undefined;
  /** Whether Debian's own packages are taken where they are of the version that is asked for. */
  readonly debian: boolean;
}

const named = matching(
  /^[A-Za-z][A-Za-z0-9.]*[A-Za-z0-9](?:@[0-9]+(?:[.-][0-9]+)+)?$/,
  "an R package's name, as zoo, or zoo@1.8-12",
);

/** The name of an R package, or `name@version`: https://cran.r-project.org/doc/manuals/r-release/R-exts.html#The-DESCRIPTION-file */
export const rPackage: Check<string> = named;

// apt-get takes a hyphen at the end for the wish to remove a package.
export const systemPackage = matching(/^[a-z0-9][a-z0-9+.-]*[a-z0-9+]$/, "a Debian package's name");

/** The URL of a repository of R packages. */
export const repository: Check<string> = (value, path) => {
  const text = line(value, path);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isWeb = url !== undefined && ['http:', 'https:'].includes(url.protocol);
  if (!isWeb || url.username !== '' || url.password !== '')
    refuse(
      path,
      'the URL of a repository of R packages, without a password, as "https://cloud.r-project.org"',
      value,
    );
  return text;
};

const lockName = matching(
  /^[\w-][\w.-]*$/,
  'true, false, or the name of a lock file in the folder of the API',
);

/** `true`, `false`, or the name of a lock file in the folder. */
export const lockFile: Check<boolean | string> = (value, path) => {
  if (typeof value === 'boolean') return flag(value, path);
  // COPY takes a dollar sign for a variable.
  return lockName(value, path);
};

/** Two versions of one package cannot be in one library. */
export function refuseTwoVersions(packages: readonly string[], path: string): void {
  const versions = new Map<string, string>();
  for (const [index, each] of packages.entries()) {
    const [name = '', version = ''] = each.split('@');
    const other = versions.get(name) ?? version;
    if (other !== version)
      refuse(`${path}[${index}]`, `one version of ${name}, and not another one too`, each);
    versions.set(name, version);
  }
}

const apt = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq'];

// What the programs below share. Names, versions and URLs are arguments. Debian's R takes packages as binaries from Debian, one by one, because apt
// refuses all where it lacks one. The version of a Debian package has an epoch before R's own, and its own revision behind it.
const shared = [
  'args <- commandArgs(trailingOnly = TRUE)',
  'cran <- args[[1]]',
  'repos <- getOption("repos")',
  'repos[repos == "@CRAN@"] <- "https://cloud.r-project.org"',
  'if (nzchar(cran)) repos <- c(CRAN = cran)',
  'options(repos = repos, renv.consent = TRUE, renv.config.cache.enabled = FALSE)',
  'debian <- args[[2]] == "debian" && file.exists("/usr/lib/R/bin/R")',
  'apt <- function(...) system2("apt-get", c("-qq", ...), env = "DEBIAN_FRONTEND=noninteractive")',
  'binary <- function(name) paste0("r-cran-", tolower(name))',
  'install_binary <- function(name) apt("install", "-y", "--no-install-recommends", binary(name))',
  'upstream <- function(name) { said <- suppressWarnings(system2("apt-cache", c("policy", binary(name)), stdout = TRUE)); ' +
    'found <- grep("Candidate:", said, value = TRUE); if (length(found) == 0) "" else ' +
    'sub("[+~].*$", "", sub("-[^-]*$", "", sub("^.*Candidate: *([0-9]+:)?", "", found[[1]]))) }',
  'same <- function(one, other) identical(gsub("-", ".", one, fixed = TRUE), gsub("-", ".", other, fixed = TRUE))',
  'has <- function(name, version) { found <- suppressWarnings(utils::packageDescription(name, lib.loc = .libPaths(), fields = "Version")); ' +
    '!is.na(found) && same(as.character(found), version) }',
  'with_renv <- function() { if (!requireNamespace("renv", quietly = TRUE) && debian) apt("install", "-y", "--no-install-recommends", "r-cran-renv"); ' +
    'if (!requireNamespace("renv", quietly = TRUE)) install.packages("renv"); ' +
    'if (!requireNamespace("renv", quietly = TRUE)) stop("not installed: renv, which installs packages of a version") }',
];

// Packages without a version are left alone where they are there; those with one are of that version afterwards.
const installPackages = [
  ...shared,
  'asked <- strsplit(args[-(1:2)], "@", fixed = TRUE)',
  'names <- vapply(asked, function(each) each[[1]], "")',
  'versions <- vapply(asked, function(each) if (length(each) > 1) each[[2]] else "", "")',
  'lacks <- function() { there <- rownames(installed.packages()); ' +
    '!ifelse(nzchar(versions), mapply(has, names, versions), names %in% there) }',
  'if (debian && any(lacks())) apt("update")',
  'if (debian) for (at in which(lacks())) if (!nzchar(versions[[at]]) || same(upstream(names[[at]]), versions[[at]])) install_binary(names[[at]])',
  'pinned <- which(lacks() & nzchar(versions))',
  'if (length(pinned)) { with_renv(); renv::install(paste0(names, "@", versions)[pinned], library = .libPaths(), prompt = FALSE) }',
  'plain <- which(lacks() & !nzchar(versions))',
  'if (length(plain)) install.packages(names[plain])',
  'missing <- which(lacks())',
  'if (length(missing)) stop("not installed: ", toString(trimws(paste(names, versions))[missing]))',
].join('; ');

// renv installs what is not there in the version that the lock file says. Debian's packages come first, but only in that very version: they
// are binaries, and there where no repository answers. Of the lock file's repositories another one takes CRAN's place alone. What is missing in the end
// is told with its version, whatever renv says of it.
const restoreLock = [
  ...shared,
  'file <- args[[3]]',
  'if (debian) apt("update")',
  'with_renv()',
  'refuse <- function(why) stop(basename(file), " is no lock file of renv", why, call. = FALSE)',
  'lock <- tryCatch(renv::lockfile_read(file), error = function(e) refuse(paste(":", conditionMessage(e))))',
  'if (is.null(lock$R$Version)) refuse(": it names no version of R")',
  'lacks <- function() Filter(function(each) !has(each$Package, each$Version), lock$Packages)',
  'if (debian) for (each in lacks()) if (same(upstream(each$Package), each$Version)) install_binary(each$Package)',
  'known <- unlist(lock$R$Repositories)',
  'if (nzchar(cran)) known[["CRAN"]] <- cran',
  'tryCatch(renv::restore(lockfile = file, library = .libPaths(), repos = known, prompt = FALSE), ' +
    'error = function(e) message("renv: ", conditionMessage(e)))',
  'missing <- lacks()',
  'if (length(missing)) stop("not installed as ", basename(file), " says: ", ' +
    'toString(vapply(missing, function(each) paste(each$Package, each$Version), "")), call. = FALSE)',
].join('; ');

/** Lines of a Dockerfile that install them, and do not change with what else is in the folder. */
export function packageLines({ packages, systemPackages, cran = '', debian }: RPackages): readonly string[] {
  if (packages.length + systemPackages.length === 0) return [];
  return [
    'USER root',
    ...(systemPackages.length === 0
      ? []
      : [run(...apt, 'update'), run(...apt, 'install', '-y', '--no-install-recommends', ...systemPackages)]),
    ...(packages.length === 0
      ? []
      : [run('Rscript', '-e', installPackages, cran, debian ? 'debian' : 'source', ...packages)]),
  ];
}

const lockFolder = '/usr/local/share/plumbstack';

/** A layer of its own, kept while the lock file is the same. */
export function lockStep({ lock, cran = '', debian }: RPackages): readonly FileStep[] {
  if (lock === undefined) return [];
  const { file, optional } = lock;
  const lines = [
    'USER root',
    // A project of renv has an `.Rprofile` that leads to a library of its own, which is not sent, or is of another machine.
    'ENV RENV_CONFIG_AUTOLOADER_ENABLED=FALSE',
    `COPY ${JSON.stringify([file, `${lockFolder}/`])}`,
    run('Rscript', '-e', restoreLock, cran, debian ? 'debian' : 'source', `${lockFolder}/${file}`),
    '',
  ].join('\n');
  return [{ file, lines, optional }];
}

function run(...command: readonly string[]): string {
  return `RUN ${JSON.stringify(command)}`;
}

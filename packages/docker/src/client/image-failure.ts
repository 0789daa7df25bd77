import { isPlumbstackError, PlumbstackError } from '@plumbstack/core';
import { missingLibraries } from './system-libraries.js';

// What engines and registries say when an image cannot be had: the second half of `docker-failure`, and like that one the
// only place that reads these words.

export interface ImageFailure {
  readonly image: string;
  /** What the engine said, as its answer or in the stream. */
  readonly reason: string;
  readonly cause?: unknown;
  /** What is known about the credentials that were used. */
  readonly note?: string | undefined;
}

interface PullMeaning {
  readonly words: RegExp;
  readonly why: 'not-found' | 'denied' | 'certificate' | 'unreachable' | 'limited' | 'platform';
  readonly hint: string;
  /** Whether it may go well in a moment. */
  readonly mayPass?: true;
}

/** Docker 20.10 to 28.5 hand on the registry's words (distribution, Docker Hub) and Go's network errors. */
const pullMeanings: readonly PullMeaning[] = [
  {
    words: /toomanyrequests|rate limit/i,
    why: 'limited',
    hint: 'The registry limits how much may be pulled: log in with `docker login`, wait, or use a mirror.',
  },
  {
    words: /pull access denied/i,
    why: 'denied',
    hint: 'There is no such repository, or it needs a login: check the name, or `docker login` to its registry.',
  },
  // Go's crypto/x509, of the engine's machine.
  {
    words: /x509: certificate signed by unknown authority|x509: certificate is not trusted/i,
    why: 'certificate',
    hint: "The engine does not know who signed the registry's certificate: put the authority's certificate into /etc/docker/certs.d/<registry host:port>/ca.crt on the engine's machine. No restart is needed.",
  },
  {
    words: /x509: /i,
    why: 'certificate',
    hint: "The registry's certificate is not good for this name, or not at this time: see the reason, and the clock of the engine's machine.",
  },
  {
    words: /server gave HTTP response to HTTPS client/i,
    why: 'certificate',
    hint: "The registry speaks no TLS. Give it a certificate, or name it in `insecure-registries` of the engine's daemon.json.",
  },
  {
    words: /unauthorized|denied|forbidden|authentication required|no basic auth credentials/i,
    why: 'denied',
    hint: 'Log in to the registry with `docker login <registry>`; the same credentials are used here.',
  },
  {
    words: /no matching manifest|does not match the specified platform|image operating system/i,
    why: 'platform',
    hint: "The image is not made for the engine's platform.",
  },
  {
    words:
      /manifest unknown|manifest for .* not found|not found|does not exist|name unknown|repository .* not known/i,
    why: 'not-found',
    hint: 'The registry has no such image or tag: check both, or build the image.',
  },
  {
    words: /no such host/i,
    why: 'unreachable',
    hint: "The engine's machine does not know the registry's host: check the name, and its DNS.",
  },
  {
    words: /received unexpected HTTP status: 5\d\d|\b50[0234]\b.*(?:Server Error|Gateway|Unavailable)/i,
    why: 'unreachable',
    hint: 'The registry, or what stands before it, failed: look at its log, or try again later.',
    mayPass: true,
  },
  {
    words:
      /dial tcp|connection refused|connection reset|i\/o timeout|TLS handshake|Client\.Timeout|network is unreachable|EOF|context deadline exceeded|server misbehaving/i,
    why: 'unreachable',
    hint: "The engine's machine cannot reach the registry: check its network, proxy settings and firewalls, and that the registry runs.",
    mayPass: true,
  },
];

/** `IMAGE_PULL_FAILED`, with what to do about each kind of failure; `details.why` is the kind. */
export function pullFailure({ image, reason, cause, note }: ImageFailure): PlumbstackError {
  const meaning = pullMeanings.find(({ words }) => words.test(reason));
  const hint = [meaning?.hint, note].filter((each) => each !== undefined).join(' ');
  return new PlumbstackError('IMAGE_PULL_FAILED', `${image} cannot be pulled: ${reason}`, {
    details: { image, reason, ...(meaning && { why: meaning.why }) },
    ...(hint !== '' && { hint }),
    cause,
  });
}

/** Whether a pull that failed may go well in a moment. */
export function mayPass(error: unknown): boolean {
  if (!isPlumbstackError(error, 'IMAGE_PULL_FAILED')) return false;
  const reason = String(error.details['reason']);
  return pullMeanings.find(({ words }) => words.test(reason))?.mayPass ?? false;
}

export interface BuildFailure {
  readonly image: string;
  readonly reason: string;
  /** As `Step 3/5 : RUN make`. */
  readonly step?: string | undefined;
  readonly lastLines: readonly string[];
  /** Debian packages that the output asks for. @default those that its last lines do */
  readonly libraries?: readonly string[];
  readonly exitCode?: number | undefined;
  readonly cause?: unknown;
}

/** `IMAGE_BUILD_FAILED`, with the step and the last lines of its output. */
export function buildFailure({
  image,
  reason,
  step,
  lastLines,
  libraries = missingLibraries(lastLines),
  exitCode,
  cause,
}: BuildFailure): PlumbstackError {
  // Docker 20.10 to 28.5, classic builder: the exit code is in the words where the error frame has none.
  // BuildKit has it in words alone.
  const inWords = /(?:returned a non-zero code|did not complete successfully: exit code): (\d+)/.exec(
    reason,
  )?.[1];
  const code = exitCode ?? (inWords === undefined ? undefined : Number(inWords));
  const where = step === undefined ? '' : `\n  ${step}`;
  const tail = lastLines.map((line) => `\n  | ${line}`).join('');
  return new PlumbstackError('IMAGE_BUILD_FAILED', `${image} cannot be built: ${reason}${where}${tail}`, {
    details: {
      image,
      reason,
      lastLines,
      ...(step !== undefined && { step }),
      ...(code !== undefined && { exitCode: code }),
    },
    hint: buildHint(reason, libraries),
    cause,
  });
}

/** `IMAGE_BUILD_FAILED` for a build that needs BuildKit where there is no `docker buildx` to reach it with. */
export function buildxFailure(
  image: string,
  needs: string,
  reason: string,
  cause?: unknown,
): PlumbstackError {
  return new PlumbstackError(
    'IMAGE_BUILD_FAILED',
    `${image} cannot be built: ${needs} needs BuildKit, and \`docker buildx\` cannot be run: ${reason}`,
    {
      details: { image, needs, reason, lastLines: [] },
      hint: 'Install the docker program and its plugin buildx, 0.13 or newer, where this program runs: docker-buildx-plugin in Docker’s own repositories, docker-buildx in Debian and Ubuntu, part of Docker Desktop.',
      cause,
    },
  );
}

function buildHint(reason: string, libraries: readonly string[]): string {
  if (libraries.length > 0) {
    const list = libraries.map((each) => `'${each}'`).join(', ');
    return `A system library is missing. In Debian and Ubuntu it is in ${libraries.join(', ')}: systemPackages: [${list}] of plumber(...), or a step of the Dockerfile that installs it.`;
  }
  if (
    /COPY failed|ADD failed|forbidden path|file not found in build context|no source files|failed to calculate checksum of ref/i.test(
      reason,
    )
  ) {
    return 'What is copied must be inside the build context, and not excluded by .dockerignore.';
  }
  if (/the --\w+ option requires BuildKit|Unknown flag|unknown instruction: (?:EOF|.*<<)/i.test(reason))
    return "The Dockerfile needs BuildKit: leave the option builder out, or set it to 'buildkit'.";
  if (/returned a non-zero code|did not complete successfully: exit code/.test(reason))
    return "The step's command failed: its last lines say why.";
  const pull = pullMeanings.find(({ words }) => words.test(reason));
  return pull?.hint ?? 'Correct the Dockerfile and run again: unchanged steps are taken from the cache.';
}

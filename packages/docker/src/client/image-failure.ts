import { PlumbstackError } from '@plumbstack/core';

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
  readonly why: 'not-found' | 'denied' | 'unreachable' | 'limited' | 'platform';
  readonly hint: string;
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
    words:
      /dial tcp|no such host|connection refused|i\/o timeout|TLS handshake|Client\.Timeout|network is unreachable|EOF|certificate|server gave HTTP response|context deadline exceeded/i,
    why: 'unreachable',
    hint: "The engine's machine cannot reach the registry: check its network, DNS, proxy settings and certificates.",
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

export interface BuildFailure {
  readonly image: string;
  readonly reason: string;
  /** As `Step 3/5 : RUN make`. */
  readonly step?: string | undefined;
  readonly lastLines: readonly string[];
  readonly exitCode?: number | undefined;
  readonly cause?: unknown;
}

/** `IMAGE_BUILD_FAILED`, with the step and the last lines of its output. */
export function buildFailure({
  image,
  reason,
  step,
  lastLines,
  exitCode,
  cause,
}: BuildFailure): PlumbstackError {
  // Docker 20.10 to 28.5, classic builder: the exit code is in the words where the error frame has none.
  const inWords = /returned a non-zero code: (\d+)/.exec(reason)?.[1];
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
    hint: buildHint(reason),
    cause,
  });
}

function buildHint(reason: string): string {
  if (/COPY failed|ADD failed|forbidden path|file not found in build context|no source files/i.test(reason)) {
    return 'What is copied must be inside the build context, and not excluded by .dockerignore.';
  }
  if (/returned a non-zero code/.test(reason)) return "The step's command failed: its last lines say why.";
  const pull = pullMeanings.find(({ words }) => words.test(reason));
  return pull?.hint ?? 'Correct the Dockerfile and run again: unchanged steps are taken from the cache.';
}

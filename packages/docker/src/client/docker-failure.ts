import { isPlumbstackError, PlumbstackError, type PlumbstackErrorCode } from '@plumbstack/core';

/** What was asked, and of whom. */
export interface FailedCall {
  /** As `create container shop-web`. */
  readonly call: string;
  readonly address: string;
}

/**
 * Makes our error of whatever a call to an engine threw: its own answers, the connection's errors, and answers that are
 * no engine's. The only place that knows dockerode's errors and reads an engine's message texts.
 */
export function toPlumbstackError(error: unknown, at: FailedCall): PlumbstackError {
  if (isPlumbstackError(error)) return error;
  const status = statusOf(error);
  if (status !== undefined) return fromAnswer(error as Error, status, at);
  return fromConnection(error, at);
}

/** The engine's HTTP status, of our error or a foreign one; nothing where it did not come to an answer. */
export function engineStatus(error: unknown): number | undefined {
  if (isPlumbstackError(error)) {
    const { status } = error.details;
    return typeof status === 'number' ? status : undefined;
  }
  return statusOf(error);
}

/** Whether a call failed because something that it names is not there, or is there no more. */
export function isMissing(error: unknown): boolean {
  return isPlumbstackError(error, 'NOT_FOUND') && engineStatus(error) === 404;
}

/** Whether a network could not be made because another one has addresses of its subnet. */
export function isSubnetTaken(error: unknown): boolean {
  // Docker 20.10 to 28.5: the first; the very same subnet, which Docker 28 does not call an overlap: the second; bridges
  // outside Docker's own list: the third; Podman 4, 5: the fourth.
  return /Pool overlaps with other one|failed to allocate gateway \(\S+\): Address already in use|networks have overlapping IPv4|subnet \S+ is already used/.test(
    reasonOf(error),
  );
}

/** Whether a container is on its way out already, so that the engine takes no second removal. Docker 20.10 to 28.5. */
export function isRemovalInProgress(error: unknown): boolean {
  return (
    engineStatus(error) === 409 && /removal of container \S+ is already in progress/.test(reasonOf(error))
  );
}

/** What an image has where a file is to be put: why the engine does not take it. */
export interface InTheWay {
  readonly is: 'folder' | 'file' | 'link';
  /** As the engine names it: from the folder that the files are put into. */
  readonly path?: string;
}

/** Whether files could not be put where they should be because something else is there. Docker 20.10 to 28.5. */
export function inTheWay(error: unknown): InTheWay | undefined {
  const reason = reasonOf(error);
  const folder = /cannot overwrite directory "\/?(?<path>[^"]+)" with non-directory/.exec(reason)?.groups;
  if (folder?.['path'] !== undefined) return { is: 'folder', path: folder['path'] };
  // For a file below a file; below one that is named as the folder of a volume; for such a folder as it is asked for.
  const file =
    /(?:openat|mkdirat|mkdir|lstat) (?<path>\S+): not a directory|\/merged\/(?<mount>\S+) is not directory/.exec(
      reason,
    )?.groups;
  const path = file?.['path'] ?? file?.['mount'];
  if (path !== undefined) return { is: 'file', path };
  if (/extraction point is not a directory/.test(reason)) return { is: 'file' };
  // The root is read-only, and a folder that should be a volume leads somewhere else.
  if (/container rootfs is marked read-only/.test(reason)) return { is: 'link' };
  return undefined;
}

/** Whether a network cannot be removed because a container runs in it. Docker 20.10 to 28.5: the first; Podman 4, 5: the second. */
export function isNetworkInUse(error: unknown): boolean {
  return /has active endpoints|has associated containers with it/.test(reasonOf(error));
}

/** Whether a container is in a network already. Docker 20.10 to 28.5: the first; Podman 4, 5: the second. */
export function isConnectedAlready(error: unknown): boolean {
  return /endpoint with name \S+ already exists in network|is already connected to network/.test(
    reasonOf(error),
  );
}

/** Whether a container is not in a network that it should be taken off. Docker 20.10 to 28.5, Podman 4, 5. */
export function isNotConnected(error: unknown): boolean {
  return /is not connected to (?:the )?network/.test(reasonOf(error));
}

/** Whether a container's logging driver keeps nothing that can be read. */
export function isUnreadableLog(error: unknown): boolean {
  return unreadableLog.test(reasonOf(error));
}

/**
 * Whether an interface of its machine went while Podman looked at all of them, as it does before it makes a network: that of a container
 * of another engine, for instance. Nothing was made. Podman 4.3.
 */
export function hasLostInterface(error: unknown): boolean {
  return /no such network interface/.test(reasonOf(error));
}

/** The engine accepted and did not answer in time. */
export function noAnswer(at: FailedCall, deadlineMs: number): PlumbstackError {
  return new PlumbstackError(
    'ENGINE_UNREACHABLE',
    `${at.call}: the engine at ${at.address} did not answer within ${deadlineMs} ms.`,
    {
      details: { call: at.call, deadlineMs, address: at.address },
      hint: 'The call may still happen. Look at the engine: `docker ps` with a network or container call beside it, its log (`journalctl -u docker`), the load and the disk of its machine; an engine that hangs needs a restart.',
    },
  );
}

/** The engine accepted, and told of its failure in the stream that followed. */
export function streamFailure({ call }: FailedCall, reason: string): PlumbstackError {
  return new PlumbstackError('ENGINE_FAILED', `${call}: ${reason}`, { details: { call, reason } });
}

/** An answer that is not an engine's. */
export function notAnEngine(at: FailedCall, found: string, cause?: unknown): PlumbstackError {
  return new PlumbstackError(
    'ENGINE_UNREACHABLE',
    `${at.call}: what answers at ${at.address} is no Docker engine: ${found}.`,
    {
      details: { call: at.call, address: at.address },
      hint: 'Check the address, and what stands in between: a proxy, or TLS (https://) spoken to a plain port or the reverse.',
      cause,
    },
  );
}

interface DockerodeError extends Error {
  readonly statusCode: number;
}

function statusOf(error: unknown): number | undefined {
  const status = (error as Partial<DockerodeError> | undefined)?.statusCode;
  return typeof status === 'number' ? status : undefined;
}

function reasonOf(error: unknown): string {
  if (!isPlumbstackError(error)) return error instanceof Error ? error.message : '';
  const { reason } = error.details;
  return typeof reason === 'string' ? reason : '';
}

interface Meaning {
  /** The engine's words; `groups` go to the error's details. */
  readonly words: RegExp;
  readonly status?: number;
  readonly code: PlumbstackErrorCode;
  readonly hint?: string;
}

const portTaken =
  'Another program or container has that port: find it with `docker ps` or `ss -ltnp`, or publish another.';

/** First match wins. Each with the engines it was seen on, or whose source has it. */
const unreadableLog = /configured logging driver does not support reading/;

const meanings: readonly Meaning[] = [
  // Docker 20.10 to 28.5, a port that another container has.
  {
    words: /Bind for (?<host>\S+):(?<port>\d+) failed: port is already allocated/,
    code: 'PORT_IN_USE',
    hint: portTaken,
  },
  // Docker 28: a port that another program has.
  {
    words: /failed to bind host port for (?<host>\S+?):(?<port>\d+):\S+: address already in use/,
    code: 'PORT_IN_USE',
    hint: portTaken,
  },
  // Docker 20.10 to 27 (userland proxy), Podman (rootless port forwarder, host ports).
  {
    words: /listen (?:tcp|udp)\d? (?<host>\S*):(?<port>\d+): bind: address already in use/,
    code: 'PORT_IN_USE',
    hint: portTaken,
  },
  // Podman 5 with pasta.
  {
    words: /Failed to bind port (?<port>\d+) \(Address already in use\)/,
    code: 'PORT_IN_USE',
    hint: portTaken,
  },
  // Docker 28.5: an address to publish on that this machine does not have.
  {
    words: /(?<host>[\d.a-f:]+):(?<port>\d+):\S+: cannot assign requested address/,
    code: 'ENGINE_FAILED',
    hint: "The host address to publish on is none of the engine's machine.",
  },
  // Docker 20.10 to 28.5; Podman 4, 5.
  {
    words: /container \S+ is not running|can only \S+ running containers/i,
    code: 'ENGINE_FAILED',
    hint: 'What does not run is brought back by deployment.repair(), or by up.',
  },
  // Docker 20.10 to 28.5: a fixed address. Not a port, though it says nearly the same.
  {
    words: /(?:^|: )Address already in use$/,
    code: 'ENGINE_FAILED',
    hint: 'Another container on the network has that fixed IP address.',
  },
  // Docker 17.06 to 28.5.
  {
    words: /bind source path does not exist: (?<path>.*)/,
    code: 'NOT_FOUND',
    hint: "A bind mount's source must exist on the engine's machine before the container is made: create the folder, or correct the path.",
  },
  // Podman 4, 5.
  {
    words: /statfs (?<path>.*): no such file or directory/,
    code: 'NOT_FOUND',
    hint: "A bind mount's source must exist on the engine's machine before the container is made: create the folder, or correct the path.",
  },
  // Docker 20.10 to 28.5; Podman 4, 5.
  {
    words: /No such image: (?<image>\S+)/i,
    code: 'NOT_FOUND',
    hint: 'Pull or build the image first.',
  },
  { words: /(?<image>\S+): image not known/, code: 'NOT_FOUND', hint: 'Pull or build the image first.' },
  // Docker 23 to 28.5; Docker 20.10; a network whose addresses are used up, 20.10 to 28.5.
  {
    words:
      /all predefined address pools have been fully subnetted|could not find an available, non-overlapping IPv4 address pool|[Nn]o available (?:IPv4 )?addresses on this/,
    code: 'ADDRESS_POOL_EXHAUSTED',
    hint: 'Remove networks that nothing uses (`docker network ls`), or give the engine more in `default-address-pools`.',
  },
  // runc and crun under Docker 20.10 to 28.5: program missing, not executable, wrong architecture, mount target odd.
  {
    words: /OCI runtime create failed|unable to start container process|crun: /i,
    code: 'START_FAILED',
    hint: "The engine could not start the container's program: check entrypoint and command, that the file is in the image, executable, and of the machine's architecture.",
  },
  // Docker 20.10 to 28.5.
  {
    words: /unable to find (?:user|group) |no matching entries in (?:passwd|group) file/,
    code: 'START_FAILED',
    hint: 'The image has no such user or group: name one that is in its /etc/passwd, or a number.',
  },
  {
    words: /Cannot mkdir: .* is not a directory/,
    code: 'START_FAILED',
    hint: 'The working directory is a file in the image.',
  },
  // Docker 17.06 to 28.5.
  {
    words: unreadableLog,
    code: 'ENGINE_FAILED',
    hint: "Its logging driver keeps nothing that can be read: look where that sends it, or choose another, as logging: { driver: 'local' }.",
  },
  // Docker 20.10 to 28.5.
  {
    words: /unknown log opt '(?<option>[^']*)' for (?<driver>\S+) log driver/,
    code: 'INVALID_OPTION',
    hint: "The engine's logging driver has no such option: name another driver, as logging: { driver: 'local' }, or leave the option out.",
  },
  {
    words: /(?:error looking up logging plugin|logger: no log driver named '?)(?<driver>[^:']*)/,
    code: 'INVALID_OPTION',
    hint: 'The engine has no such logging driver: `docker info` lists those that it has.',
  },
  // Go's TLS server, any version.
  {
    words: /Client sent an HTTP request to an HTTPS server/i,
    code: 'ENGINE_UNREACHABLE',
    hint: 'The engine wants TLS: set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or use an https:// address.',
  },
  {
    words: /client version \S+ is too (?:old|new)/,
    code: 'ENGINE_FAILED',
    hint: 'DOCKER_API_VERSION or the option apiVersion names a version that this engine does not speak: leave it unset.',
  },
  { words: /(?:)/, status: 404, code: 'NOT_FOUND' },
];

/** What Podman 4.3 calls a failure of its own (500), and what Docker would answer: mostly where two calls meet. */
const ownFailures: readonly (readonly [RegExp, number])[] = [
  [/the container name \S+ is already in use/, 409],
  [/no such container|container \S+ has already been removed/, 404],
];

function fromAnswer(error: Error, answered: number, at: FailedCall): PlumbstackError {
  const reason = engineWords(error);
  const status =
    answered === 500 ? (ownFailures.find(([words]) => words.test(reason))?.[1] ?? 500) : answered;
  const meaning = meanings.find(
    ({ words, status: only }) => (only ?? status) === status && words.test(reason),
  );
  const facts = meaning === undefined ? {} : { ...meaning.words.exec(reason)?.groups };
  return new PlumbstackError(
    meaning?.code ?? 'ENGINE_FAILED',
    `${at.call}: ${reason || `the engine answered ${status}`}`,
    {
      details: { call: at.call, status, reason, ...typed(facts) },
      ...(meaning?.hint !== undefined && { hint: meaning.hint }),
      cause: error,
    },
  );
}

function typed(facts: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(facts).map(([key, value]) => [key, key === 'port' ? Number(value) : value]),
  );
}

/** docker-modem puts the engine's words between its own: `(HTTP code 409) conflict - <words> `. */
function engineWords(error: Error): string {
  return error.message.replace(/^\(HTTP code \d+\) [^-]*- /, '').trim();
}

interface ConnectionMeaning {
  readonly codes: RegExp;
  readonly text: string;
  readonly hint: string;
}

const connectionMeanings: readonly ConnectionMeaning[] = [
  {
    codes: /^ENOENT$/,
    text: 'there is no such socket',
    hint: 'Start the engine (`sudo systemctl start docker`, or Docker Desktop), or name another by DOCKER_HOST or `docker context use`.',
  },
  {
    codes: /^(?:EACCES|EPERM)$/,
    text: 'permission to use the socket is denied',
    hint: 'Put your user into the group that owns it (`sudo usermod -aG docker $USER`, then log in anew), or use a rootless engine.',
  },
  {
    codes: /^ECONNREFUSED$/,
    text: 'nothing listens there',
    hint: 'The engine is not running: start it (`sudo systemctl start docker`, or Docker Desktop).',
  },
  {
    codes: /^(?:ENOTFOUND|EAI_AGAIN)$/,
    text: 'its host name cannot be resolved',
    hint: 'Check the host in DOCKER_HOST or in the docker context, and the DNS.',
  },
  {
    codes: /^(?:ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN)$/,
    text: 'its host cannot be reached',
    hint: 'Check the address, the network in between and its firewalls.',
  },
  {
    codes: /^(?:ECONNRESET|EPIPE|ECONNABORTED|ERR_STREAM_PREMATURE_CLOSE|HPE_INVALID_EOF_STATE)$/,
    text: 'it closed the connection before its answer was complete',
    hint: 'The engine was stopped or restarted, or a proxy in between ended the connection. The call may have happened or not.',
  },
  {
    codes:
      /^(?:EPROTO|ERR_SSL_.*|ERR_TLS_.*|CERT_.*|UNABLE_TO_.*|DEPTH_ZERO_.*|SELF_SIGNED_.*|HOSTNAME_MISMATCH)$/,
    text: 'TLS with it failed',
    hint: 'Check the certificates in DOCKER_CERT_PATH or of the docker context: its authority, its host names, its dates, and that the port speaks TLS.',
  },
];

function fromConnection(error: unknown, at: FailedCall): PlumbstackError {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (typeof code === 'string' && code.startsWith('HPE_') && code !== 'HPE_INVALID_EOF_STATE') {
    return notAnEngine(at, 'it does not speak HTTP', error);
  }
  const meaning =
    typeof code === 'string' ? connectionMeanings.find(({ codes }) => codes.test(code)) : undefined;
  const words = error instanceof Error ? error.message : String(error);
  if (meaning === undefined) {
    return new PlumbstackError(
      'ENGINE_FAILED',
      `${at.call}: the answer of ${at.address} could not be used: ${words}`,
      {
        details: { call: at.call, address: at.address, reason: words },
        cause: error,
      },
    );
  }
  return new PlumbstackError(
    'ENGINE_UNREACHABLE',
    `${at.call}: the engine at ${at.address} does not answer: ${meaning.text} (${code}).`,
    {
      details: { call: at.call, address: at.address, code, reason: words },
      hint: meaning.hint,
      cause: error,
    },
  );
}

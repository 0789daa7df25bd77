import type { Duplex } from 'node:stream';
import { PlumbstackError } from '@plumbstack/core';
import type Dockerode from 'dockerode';
import type { CallOptions, EngineExecResult, ExecOptions } from './docker-client.js';
import { part } from './containers.js';
import { toPlumbstackError } from './docker-failure.js';
import type { Engine } from './engine.js';
import { FrameReader } from './frame-reader.js';

const maxOutputBytes = 64 * 1024 * 1024;
const pollMs = 20;

/**
 * Runs a command in a container and reads its whole output. A program that is missing or cannot be run is exit code 127
 * or 126, as in a shell, with the engine's words in the output.
 *
 * The engine has no way to end a command: when the deadline or the signal ends this call, the command goes on.
 *
 * @throws `TIMEOUT` when the command runs longer than `timeoutMs`
 */
export async function exec(
  engine: Engine,
  container: string,
  command: readonly string[],
  options: ExecOptions,
): Promise<EngineExecResult> {
  const { user, stdin, signal, mayStart, timeoutMs = engine.callTimeoutMs } = options;
  const name = `run ${command[0] ?? 'a command'} in container ${container}`;
  const callOptions = signal === undefined ? {} : { signal };
  const created = await engine.call(name, callOptions, (docker) =>
    docker.getContainer(part(container)).exec({
      Cmd: [...command],
      ...(user !== undefined && { User: user }),
      AttachStdin: stdin !== undefined,
      AttachStdout: true,
      AttachStderr: true,
    }),
  );
  await mayStart?.();
  const output = await engine.call(
    name,
    { ...callOptions, deadlineMs: timeoutMs },
    async (docker, deadline) => {
      deadline.endsWith(() => tookTooLong(name, command, timeoutMs));
      const connection = await docker.getExec(created.id).start({ hijack: true, stdin: false });
      const end = (): unknown => connection.destroy();
      // The signal of a request does not reach a connection that has left HTTP.
      deadline.signal.addEventListener('abort', end, { once: true });
      try {
        return await converse(connection, stdin);
      } finally {
        connection.destroy();
        deadline.signal.removeEventListener('abort', end);
      }
    },
  );
  const exitCode = await engine.call(name, callOptions, (docker) => exitCodeOf(docker.getExec(created.id)));
  return { exitCode, ...output };
}

/**
 * Lines that a command writes, as they come. The connection is the command's input too, and nothing is written to it: it ends
 * when the reader stops, or when this process dies.
 */
export async function* execLines(
  engine: Engine,
  container: string,
  command: readonly string[],
  options: CallOptions,
): AsyncGenerator<string, void, undefined> {
  const name = `follow ${command[0] ?? 'a command'} in container ${container}`;
  const created = await engine.call(name, options, (docker) =>
    docker.getContainer(part(container)).exec({
      Cmd: [...command],
      ...{ AttachStdin: true, AttachStdout: true, AttachStderr: true },
    }),
  );
  const connection = await engine.call(name, options, (docker) =>
    docker.getExec(created.id).start({ hijack: true, stdin: true }),
  );
  const { signal } = options;
  const end = (): unknown => connection.destroy();
  connection.on('error', () => {});
  signal?.addEventListener('abort', end, { once: true });
  try {
    signal?.throwIfAborted();
    const frames = new FrameReader();
    let open = '';
    for await (const chunk of connection as AsyncIterable<Buffer>) {
      for (const { stream, content } of frames.push(chunk))
        if (stream === 'stdout') open += content.toString();
      const lines = open.split('\n');
      open = lines.pop() ?? '';
      yield* lines;
      if (open.length > maxOutputBytes) throw tooMuchOutput();
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw toPlumbstackError(error, { call: name, address: engine.address.address });
  } finally {
    connection.destroy();
    signal?.removeEventListener('abort', end);
  }
  signal?.throwIfAborted();
}

/** Writes the input, closes that half, and reads what comes until the engine closes the other. */
async function converse(
  connection: Duplex,
  stdin: string | Buffer | undefined,
): Promise<Omit<EngineExecResult, 'exitCode'>> {
  const frames = new FrameReader();
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  let bytes = 0;
  // A command may end before it has read its input.
  connection.on('error', () => {});
  if (stdin !== undefined) connection.end(stdin);
  for await (const chunk of connection as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxOutputBytes) throw tooMuchOutput();
    for (const { stream, content } of frames.push(chunk)) output[stream].push(content);
  }
  frames.end();
  return { stdout: Buffer.concat(output.stdout).toString(), stderr: Buffer.concat(output.stderr).toString() };
}

/** The engine may close the output a moment before it notes the exit. */
async function exitCodeOf(exec: Dockerode.Exec): Promise<number> {
  for (;;) {
    const { Running: running, ExitCode: exitCode } = await exec.inspect();
    if (!running && exitCode !== null) return exitCode;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

function tookTooLong(name: string, command: readonly string[], timeoutMs: number): PlumbstackError {
  return new PlumbstackError('TIMEOUT', `${name}: it did not end within ${timeoutMs} ms.`, {
    details: { command, timeoutMs },
    hint: 'The command goes on in the container: an engine cannot end it.',
  });
}

function tooMuchOutput(): PlumbstackError {
  return new PlumbstackError(
    'ENGINE_FAILED',
    `the command's output is larger than ${maxOutputBytes} bytes.`,
    {
      details: { limitBytes: maxOutputBytes },
      hint: 'Write it to a file in the container.',
    },
  );
}

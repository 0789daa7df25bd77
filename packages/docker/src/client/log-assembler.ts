import type { EngineLogLine } from './docker-client.js';
import { FrameReader, type Frame } from './frame-reader.js';

const newline = 0x0a;
const maxLineBytes = 1024 * 1024;
/** With `timestamps`, each message begins with one; nanoseconds are 9 digits on Docker, fewer on Podman. */
const timestamp = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) ?/;
const timestampBytes = 40;

/**
 * Makes lines of a container's log. The engine stores a line longer than 16 KiB as several messages, and gives each its
 * own frame and timestamp: the first one counts, the others are taken out of the line. A line longer than 1 MiB is cut.
 */
export class LogAssembler {
  readonly #frames = new FrameReader();
  readonly #open = { stdout: new OpenLine('stdout'), stderr: new OpenLine('stderr') };
  /** A container with a terminal has one output and no frames; what a timestamp begins with is no frame's header. */
  #raw: boolean | undefined;

  push(chunk: Buffer): EngineLogLine[] {
    this.#raw ??= chunk.length === 0 ? undefined : (chunk[0] as number) >= 0x20;
    const frames: Frame[] = this.#raw ? [{ stream: 'stdout', content: chunk }] : this.#frames.push(chunk);
    return frames.flatMap((frame) => this.#open[frame.stream].add(frame.content, this.#raw === true));
  }

  /** The last lines, that have no line end yet. */
  end(): EngineLogLine[] {
    if (this.#raw !== true) this.#frames.end();
    return [...this.#open.stdout.end(), ...this.#open.stderr.end()];
  }
}

class OpenLine {
  readonly #stream: EngineLogLine['stream'];
  #at: string | undefined;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(stream: EngineLogLine['stream']) {
    this.#stream = stream;
  }

  /** @param raw the content is a piece of a byte stream, not a message with a timestamp of its own */
  add(content: Buffer, raw: boolean): EngineLogLine[] {
    const lines: EngineLogLine[] = [];
    let rest = content;
    let messageStarts = !raw;
    while (rest.length > 0) {
      const end = rest.indexOf(newline);
      const piece = end === -1 ? rest : rest.subarray(0, end);
      this.#append(piece, messageStarts);
      if (end !== -1 || this.#bytes > maxLineBytes) lines.push(...this.end(true));
      rest = end === -1 ? rest.subarray(rest.length) : rest.subarray(end + 1);
      messageStarts = !raw;
    }
    return lines;
  }

  end(complete = false): EngineLogLine[] {
    if (!complete && this.#bytes === 0 && this.#at === undefined) return [];
    const whole = Buffer.concat(this.#parts);
    const bytes = this.#at === undefined ? this.#takeTimestamp(whole) : whole;
    const line = { stream: this.#stream, at: this.#at ?? '', text: bytes.toString() };
    [this.#at, this.#parts, this.#bytes] = [undefined, [], 0];
    return [line];
  }

  #append(piece: Buffer, messageStarts: boolean): void {
    const content = messageStarts ? this.#takeTimestamp(piece) : piece;
    this.#parts.push(content);
    this.#bytes += content.length;
  }

  #takeTimestamp(piece: Buffer): Buffer {
    const found = timestamp.exec(piece.subarray(0, timestampBytes).toString('latin1'));
    if (found === null) return piece;
    this.#at ??= found[1];
    return piece.subarray(found[0].length);
  }
}

import { PlumbstackError } from '@plumbstack/core';

/** A piece of a container's output, as the engine packed it. */
export interface Frame {
  readonly stream: 'stdout' | 'stderr';
  readonly content: Buffer;
}

const headerBytes = 8;
const maxFrameBytes = 64 * 1024 * 1024;
const engineError = 3;

/**
 * Takes apart the engine's one stream for two outputs: frames with a header of 8 bytes (which output, three zeros,
 * length), that may be cut anywhere into chunks. https://docs.docker.com/reference/api/engine/ (attach, stream format)
 */
export class FrameReader {
  #parts: Buffer[] = [];
  #bytes = 0;

  /** The frames that end in this chunk. */
  push(chunk: Buffer): Frame[] {
    this.#parts.push(chunk);
    this.#bytes += chunk.length;
    const frames: Frame[] = [];
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) frames.push(frame);
    return frames;
  }

  /** What came of a frame that never ended. */
  end(): void {
    if (this.#bytes > 0) throw notFrames(this.#take(this.#bytes));
  }

  #next(): Frame | undefined {
    if (this.#bytes < headerBytes) return undefined;
    const header = this.#peekHeader();
    const [kind = 0, length] = [header[0], header.readUInt32BE(4)];
    if (
      kind > engineError ||
      header[1] !== 0 ||
      header[2] !== 0 ||
      header[3] !== 0 ||
      length > maxFrameBytes
    ) {
      throw notFrames(header);
    }
    if (this.#bytes < headerBytes + length) return undefined;
    const content = this.#take(headerBytes + length).subarray(headerBytes);
    if (kind === engineError) throw failedInside(content.toString());
    return { stream: kind === 2 ? 'stderr' : 'stdout', content };
  }

  #peekHeader(): Buffer {
    const [first] = this.#parts;
    if (first !== undefined && first.length >= headerBytes) return first.subarray(0, headerBytes);
    this.#parts = [Buffer.concat(this.#parts)];
    return (this.#parts[0] as Buffer).subarray(0, headerBytes);
  }

  #take(bytes: number): Buffer {
    const first = this.#parts[0] as Buffer;
    const all = first.length >= bytes ? first : Buffer.concat(this.#parts);
    const rest = all.subarray(bytes);
    const others = all === first ? this.#parts.slice(1) : [];
    this.#parts = rest.length > 0 ? [rest, ...others] : others;
    this.#bytes -= bytes;
    return all.subarray(0, bytes);
  }
}

function notFrames(start: Buffer): PlumbstackError {
  return new PlumbstackError(
    'ENGINE_FAILED',
    "the engine's stream of output is not in the frames it should be.",
    {
      details: { bytes: start.subarray(0, 32).toString('hex') },
      hint: 'A container with a terminal (TTY) has no frames; else something between here and the engine cut the answer.',
    },
  );
}

function failedInside(reason: string): PlumbstackError {
  return new PlumbstackError('ENGINE_FAILED', `the engine stopped sending the output: ${reason.trim()}`, {
    details: { reason: reason.trim() },
  });
}

import { PlumbstackError } from '@plumbstack/core';

const [quote, backslash, open, close] = [0x22, 0x5c, 0x7b, 0x7d];
const maxMessageBytes = 16 * 1024 * 1024;

/**
 * Cuts a stream of JSON objects into their texts, wherever its chunks begin and end, and whatever stands between the
 * objects: line ends as Docker sends them, or nothing. Works on bytes, so a character split over two chunks stays whole.
 */
export class JsonSplitter {
  #parts: Buffer[] = [];
  #bytes = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** The objects that end in this chunk. */
  push(chunk: Buffer): string[] {
    const texts: string[] = [];
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === backslash) this.#escaped = true;
        else if (byte === quote) this.#inString = false;
      } else if (this.#depth === 0) {
        if (byte === open) [start, this.#depth] = [at, 1];
        else if (byte > 0x20) throw notJson(chunk.subarray(at, at + 80).toString());
      } else if (byte === quote) this.#inString = true;
      else if (byte === open) this.#depth += 1;
      else if (byte === close && --this.#depth === 0) {
        texts.push(Buffer.concat([...this.#parts, chunk.subarray(start, at + 1)]).toString());
        this.#parts = [];
        this.#bytes = 0;
      }
    }
    if (this.#depth > 0) this.#keep(chunk.subarray(start));
    return texts;
  }

  /** @throws `ENGINE_FAILED` where the stream ended inside an object */
  end(): void {
    if (this.#depth > 0) throw notJson(Buffer.concat(this.#parts).subarray(-80).toString());
  }

  #keep(part: Buffer): void {
    this.#parts.push(part);
    this.#bytes += part.length;
    if (this.#bytes > maxMessageBytes) throw notJson(Buffer.concat(this.#parts).subarray(0, 80).toString());
  }
}

/** The texts of the JSON objects in a stream. */
export async function* splitJson(chunks: AsyncIterable<Buffer>): AsyncGenerator<string, void, undefined> {
  const splitter = new JsonSplitter();
  for await (const chunk of chunks) yield* splitter.push(chunk);
  splitter.end();
}

function notJson(text: string): PlumbstackError {
  return new PlumbstackError(
    'ENGINE_FAILED',
    `the engine's stream is not the JSON it should be: ${JSON.stringify(text)}.`,
    {
      details: { text },
      hint: 'Something between this program and the engine may have changed or cut the answer.',
    },
  );
}

import { splitJson } from './json-splitter.js';

/** What an engine says while it pulls, builds or imports. It says so with status 200 also when it fails: see `error`. */
export interface EngineMessage {
  readonly id?: string;
  readonly status?: string;
  readonly progress?: { readonly current?: number; readonly total?: number };
  /** Output of a build, in pieces of any length. */
  readonly output?: string;
  readonly builtImage?: string;
  readonly error?: string;
  readonly exitCode?: number;
}

interface RawMessage {
  readonly id?: string;
  readonly status?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly stream?: string;
  readonly aux?: { readonly ID?: string };
  readonly error?: string;
  readonly errorDetail?: { readonly code?: number; readonly message?: string };
}

export async function* readEngineMessages(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<EngineMessage, void, undefined> {
  for await (const text of splitJson(chunks)) {
    const { id, status, progressDetail, stream, aux, error, errorDetail } = JSON.parse(text) as RawMessage;
    const failure = errorDetail?.message ?? error;
    yield {
      ...(id !== undefined && { id }),
      ...(status !== undefined && { status }),
      ...(progressDetail !== undefined && { progress: progressDetail }),
      ...(stream !== undefined && { output: stream }),
      ...(aux?.ID !== undefined && { builtImage: aux.ID }),
      ...(failure !== undefined && { error: failure }),
      ...(errorDetail?.code !== undefined && { exitCode: errorDetail.code }),
    };
  }
}

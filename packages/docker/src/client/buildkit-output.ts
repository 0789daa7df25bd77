import type { BuildImageOptions } from './docker-client.js';
import { missingLibraries } from './system-libraries.js';

// What `docker buildx build --progress=rawjson` writes, as of buildx 0.13:
// https://github.com/moby/buildkit/blob/master/client/graph.go
interface SolveStatus {
  readonly vertexes?: readonly Vertex[];
  readonly statuses?: readonly VertexStatus[];
  readonly logs?: readonly VertexLog[];
}

interface Vertex {
  readonly digest: string;
  readonly name: string;
  readonly started?: string;
  readonly completed?: string;
  readonly cached?: boolean;
  readonly error?: string;
}

interface VertexStatus {
  readonly id: string;
  readonly vertex: string;
  readonly current?: number;
  readonly total?: number;
}

interface VertexLog {
  readonly vertex: string;
  /** 1 for output, 2 for errors: lines of the two come mixed. */
  readonly stream: number;
  /** Base64, in pieces of any length. */
  readonly data: string;
}

const keptLines = 20;

/** Reads what BuildKit tells of a build, and keeps what an error needs: the step that failed, and its last lines. */
export class BuildkitOutput {
  readonly #onProgress: BuildImageOptions['onProgress'];
  readonly #steps = new Map<string, Step>();
  readonly #complaints: string[] = [];
  readonly #hide: (text: string) => string;
  #failed: Step | undefined;

  /** @param masks texts that nothing that is told has */
  constructor({ onProgress }: BuildImageOptions, masks: readonly string[]) {
    this.#onProgress = onProgress;
    this.#hide = (text) => masks.reduce((hidden, mask) => hidden.replaceAll(mask, '***'), text);
  }

  /** One line of what the program writes. */
  take(line: string): void {
    const status = readStatus(line);
    if (status === undefined) {
      if (line.trim() !== '') this.#complaints.push(this.#hide(line));
      if (this.#complaints.length > keptLines) this.#complaints.shift();
      return;
    }
    for (const vertex of status.vertexes ?? []) this.#vertex(vertex);
    for (const { vertex, stream, data } of status.logs ?? [])
      this.#tellAll(vertex, this.#steps.get(vertex)?.write(stream, Buffer.from(data, 'base64')));
    for (const { id, vertex, current, total } of status.statuses ?? [])
      this.#onProgress?.({
        id: this.#steps.get(vertex)?.id ?? vertex,
        status: id,
        ...(current !== undefined && { current }),
        ...(total !== undefined && total > 0 && { total }),
      });
  }

  /** The step that failed, as `[2/3] RUN make`. */
  get step(): string | undefined {
    return this.#failed?.name;
  }

  /** What the step said last; where none failed, what the program did. */
  get lastLines(): readonly string[] {
    return this.#failed?.lastLines ?? this.#complaints;
  }

  /** Debian packages that the step's output asks for. */
  get libraries(): readonly string[] {
    return [...(this.#failed?.libraries ?? [])];
  }

  /** Why there is no image, in BuildKit's own words. */
  get reason(): string | undefined {
    const told = this.#complaints.findLast((line) => /^(?:ERROR|error): /.test(line));
    return this.#failed?.error ?? told?.replace(/^\w+: (?:failed to build: )?(?:failed to solve: )?/, '');
  }

  #vertex({ digest, name, started, completed, cached, error }: Vertex): void {
    const known = this.#steps.get(digest);
    const step = known ?? new Step(this.#hide(name), this.#hide);
    this.#steps.set(digest, step);
    if (started !== undefined && !step.isTold) {
      step.isTold = true;
      this.#tell(digest, cached === true ? `${step.name} (cached)` : step.name);
    }
    if (completed !== undefined) this.#tellAll(digest, step.end());
    if (error === undefined || error === '') return;
    // Of steps that run beside each other, the others are cancelled.
    if (this.#failed !== undefined && /canceled/.test(error)) return;
    step.error = this.#hide(error);
    this.#failed = step;
  }

  #tellAll(vertex: string, lines: readonly string[] = []): void {
    for (const line of lines) this.#tell(vertex, line);
  }

  #tell(vertex: string, status: string): void {
    const step = this.#steps.get(vertex);
    this.#onProgress?.({ ...(step && { id: step.id, ...step.place }), status });
  }
}

class Step {
  readonly name: string;
  readonly lastLines: string[] = [];
  readonly libraries = new Set<string>();
  isTold = false;
  error: string | undefined;
  readonly #hide: (text: string) => string;
  readonly #open = new Map<number, string>();

  constructor(name: string, hide: (text: string) => string) {
    this.name = name;
    this.#hide = hide;
  }

  /** As the classic builder counts: of `[build 2/3] RUN make`, the second of three. */
  get place(): { readonly current?: number; readonly total?: number } {
    const [, current, total] = /^\[(?:\S+ +)?(\d+)\/(\d+)\]/.exec(this.name) ?? [];
    return current === undefined ? {} : { current: Number(current), total: Number(total) };
  }

  get id(): string {
    return /^\[([^\]]*)\]/.exec(this.name)?.[1] ?? this.name;
  }

  /** The lines that end in this piece. */
  write(stream: number, data: Buffer): readonly string[] {
    const lines = `${this.#open.get(stream) ?? ''}${data.toString()}`.split('\n');
    this.#open.set(stream, lines.pop() ?? '');
    return this.#keep(lines);
  }

  /** The last output, without a line end as a program may leave it. */
  end(): readonly string[] {
    const lines = [...this.#open.values()];
    this.#open.clear();
    return this.#keep(lines);
  }

  #keep(lines: readonly string[]): readonly string[] {
    const shown = lines.map((line) => this.#hide(line.trimEnd())).filter((line) => line.trim() !== '');
    this.lastLines.push(...shown);
    for (const each of missingLibraries(shown)) this.libraries.add(each);
    this.lastLines.splice(0, this.lastLines.length - keptLines);
    return shown;
  }
}

function readStatus(line: string): SolveStatus | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as SolveStatus;
  } catch {
    return undefined;
  }
}

/** The middle of a list of figures. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] =
    sorted.length % 2 === 1 ? [sorted[middle], sorted[middle]] : sorted.slice(middle - 1, middle + 1);
  return (low + high) / 2;
}

/** What this part of the figures, from 0 to 1, is not above. */
export function quantile(figures: readonly number[], part: number): number {
  const sorted = [...figures].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

/** How long something takes, in milliseconds. */
export async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Waits until every one of these answers 200. */
export async function untilAllAnswer(urls: readonly string[], timeoutMs = 60_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  await Promise.all(
    urls.map(async (url) => {
      for (;;) {
        const status = await fetch(url).then(
          async (response) => (await response.text(), response.status),
          () => 0,
        );
        if (status === 200) return;
        if (performance.now() > end) throw new Error(`${url} does not answer`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }),
  );
}

/** A line of a Markdown table. */
export function row(...cells: readonly (string | number)[]): string {
  return `| ${cells.map((each) => (typeof each === 'number' ? each.toFixed(each < 10 ? 2 : 0) : each)).join(' | ')} |`;
}

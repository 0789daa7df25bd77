import { Agent, request } from 'node:http';

export interface LoadResult {
  readonly sent: number;
  readonly failed: number;
  /** Longest time without a good answer, in milliseconds. */
  readonly longestGapMs: number;
}

export interface Load {
  /** Ends the load and counts. */
  stop(): Promise<LoadResult>;
}

/** Requests in a closed loop, one client per path and method, each recording every answer. */
export function startLoad(
  urls: readonly string[],
  methods: readonly ('GET' | 'POST')[] = ['GET', 'POST'],
): Load {
  let running = true;
  const clients = urls.flatMap((url) => methods.map((method) => client(url, method, () => running)));
  return {
    async stop() {
      running = false;
      const results = await Promise.all(clients);
      return {
        sent: results.reduce((sum, each) => sum + each.sent, 0),
        failed: results.reduce((sum, each) => sum + each.failed, 0),
        longestGapMs: Math.max(...results.map((each) => each.longestGapMs)),
      };
    },
  };
}

async function client(url: string, method: string, isRunning: () => boolean): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let [sent, failed, longestGapMs, last] = [0, 0, 0, performance.now()];
  while (isRunning()) {
    sent++;
    if (await isAnswered(url, method, agent)) {
      longestGapMs = Math.max(longestGapMs, performance.now() - last);
      last = performance.now();
    } else failed++;
    // One client is a visitor, not a flood: what is measured is loss, not throughput.
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  agent.destroy();
  return { sent, failed, longestGapMs: Math.max(longestGapMs, performance.now() - last) };
}

function isAnswered(url: string, method: string, agent: Agent): Promise<boolean> {
  return new Promise((resolve) => {
    const sent = request(url, { method, agent, timeout: 10_000 }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode === 200));
      response.once('error', () => resolve(false));
    });
    sent.once('timeout', () => sent.destroy());
    sent.once('error', () => resolve(false));
    sent.end(method === 'POST' ? 'x=1' : undefined);
  });
}

import { Agent, request } from 'node:http';

/** A request that got no answer of 200. */
export interface LostRequest {
  readonly method: 'GET' | 'POST';
  /** In the query of the request, and its alone: its visitor, and how manieth of that visitor's. */
  readonly visit: string;
  readonly why: string;
  /** Of the clock of `performance`. */
  readonly sentAt: number;
  readonly endedAt: number;
}

export interface Visit {
  readonly answered: number;
  /** What went wrong, with where. */
  readonly failures: readonly string[];
  /** The same, request by request. */
  readonly lost: readonly LostRequest[];
}

export interface Visitors {
  /** Waits until everybody has asked so many more times. */
  settle(times: number): Promise<void>;
  /** Ends the requests and tells what became of all of them. */
  leave(): Promise<Visit>;
}

/** Enough for others to work beside it: without a pause, visitors take a whole processor for as long as they are there. */
const pauseMs = 8;

/** Asks these URLs again and again, by GET and POST, on kept and on new connections, and records every answer. */
export function startVisitors(urls: readonly URL[]): Visitors {
  let here = true;
  const asked: number[] = [];
  const all = urls.flatMap((url) =>
    (['GET', 'POST'] as const).flatMap((method) =>
      [true, false].map(async (keepAlive): Promise<Visit> => {
        const agent = new Agent({ keepAlive, maxSockets: 1 });
        const visitor = asked.push(0) - 1;
        const failures: string[] = [];
        const lost: LostRequest[] = [];
        let answered = 0;
        while (here) {
          const visit = `${visitor}-${asked[visitor] ?? 0}`;
          const sentAt = performance.now();
          const why = await failureOf(withVisit(url, visit), method, agent);
          asked[visitor] = (asked[visitor] ?? 0) + 1;
          if (why === undefined) answered++;
          else {
            failures.push(`${method} ${url.pathname}: ${why}`);
            lost.push({ method, visit, why, sentAt, endedAt: performance.now() });
          }
          await new Promise((resolve) => setTimeout(resolve, pauseMs));
        }
        agent.destroy();
        return { answered, failures, lost };
      }),
    ),
  );
  return {
    async settle(times) {
      const wanted = asked.map((each) => each + times);
      while (asked.some((each, visitor) => each < (wanted[visitor] ?? 0)))
        await new Promise((resolve) => setTimeout(resolve, 20));
    },
    async leave() {
      here = false;
      const visits = await Promise.all(all);
      return {
        answered: visits.reduce((sum, each) => sum + each.answered, 0),
        failures: visits.flatMap(({ failures }) => failures),
        lost: visits.flatMap(({ lost }) => lost),
      };
    },
  };
}

function withVisit(base: URL, visit: string): URL {
  const url = new URL(base);
  url.searchParams.set('visit', visit);
  return url;
}

function failureOf(url: URL, method: 'GET' | 'POST', agent: Agent): Promise<string | undefined> {
  return new Promise((resolve) => {
    const sent = request(url, { method, agent, timeout: 20_000 }, (response) => {
      response.resume();
      response.once('end', () =>
        resolve(response.statusCode === 200 ? undefined : String(response.statusCode)),
      );
      response.once('error', (error) => resolve(error.message));
    });
    sent.once('timeout', () => sent.destroy(new Error('no answer in 20 s')));
    sent.once('error', (error) => resolve(error.message));
    sent.end(method === 'POST' ? 'x=1' : undefined);
  });
}

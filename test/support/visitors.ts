import { Agent, request } from 'node:http';

export interface Visit {
  readonly answered: number;
  /** What went wrong, with where. */
  readonly failures: readonly string[];
}

export interface Visitors {
  /** Waits until everybody has asked so many more times. */
  settle(times: number): Promise<void>;
  /** Ends the requests and tells what became of all of them. */
  leave(): Promise<Visit>;
}

/** Asks these URLs without a pause, by GET and POST, on kept and on new connections, and records every answer. */
export function startVisitors(urls: readonly URL[]): Visitors {
  let here = true;
  const asked: number[] = [];
  const all = urls.flatMap((url) =>
    (['GET', 'POST'] as const).flatMap((method) =>
      [true, false].map(async (keepAlive): Promise<Visit> => {
        const agent = new Agent({ keepAlive, maxSockets: 1 });
        const visitor = asked.push(0) - 1;
        const failures: string[] = [];
        let answered = 0;
        while (here) {
          const failure = await failureOf(url, method, agent);
          asked[visitor] = (asked[visitor] ?? 0) + 1;
          if (failure === undefined) answered++;
          else failures.push(`${method} ${url.pathname}: ${failure}`);
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
        agent.destroy();
        return { answered, failures };
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
      };
    },
  };
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

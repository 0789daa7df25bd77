import { Agent, request } from 'node:http';

/** Whether a client uses its connection again. */
export type Connections = 'kept' | 'new';

/**
 * So many clients, each asking again as soon as it is answered, for so long.
 *
 * @returns how long each request took, in milliseconds
 */
export async function timeRequests(
  url: string,
  clients: number,
  forMs: number,
  connections: Connections,
): Promise<readonly number[]> {
  const end = performance.now() + forMs;
  const times = await Promise.all(Array.from({ length: clients }, () => client(url, end, connections)));
  return times.flat();
}

async function client(url: string, end: number, connections: Connections): Promise<readonly number[]> {
  using visitor = new Client(url, connections);
  const times: number[] = [];
  do times.push(await visitor.ask());
  while (performance.now() < end);
  return times;
}

/** One visitor: asks one request after the other. */
export class Client implements Disposable {
  readonly #url: string;
  readonly #agent: Agent;

  constructor(url: string, connections: Connections) {
    this.#url = url;
    this.#agent = new Agent({ keepAlive: connections === 'kept', maxSockets: 1 });
  }

  /** @returns how long the answer took, in milliseconds */
  ask(): Promise<number> {
    return timeRequest(this.#url, this.#agent);
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

function timeRequest(url: string, agent: Agent): Promise<number> {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, timeout: 10_000 }, (response) => {
      response.resume();
      response.once('error', reject);
      response.once('end', () => {
        if (response.statusCode === 200) resolve(performance.now() - start);
        else reject(new Error(`${url} answers ${response.statusCode ?? 'nothing'}`));
      });
    });
    sent.once('timeout', () => sent.destroy(new Error(`${url} does not answer`)));
    sent.once('error', reject);
    sent.end();
  });
}

import { PlumbstackError } from '@plumbstack/core';
import type { CallOptions, DockerClient, DockerWriter } from '../client/docker-client.js';
import { adminPort } from '../compile/compile-pool.js';
import { slotName } from '../object-names.js';
import {
  adminCommand,
  admitCommands,
  drainCommands,
  holdCommands,
  moveCommand,
  parseServersState,
  parseStat,
  saveStateCommand,
  showServersState,
  showStat,
  vacateCommands,
  type AdminCommand,
  type HaproxyModel,
  type ServerStat,
  type StatTable,
} from '../proxy/index.js';

import { Coalesced } from './coalesce.js';
import { patiently } from './patient-exec.js';

const movesAtOnce = 50;

/** HAProxy's runtime API, reached by running a command in its container: nothing of it listens outside. */
export class HaproxyAdmin {
  readonly #client: Pick<DockerWriter, 'exec'>;
  readonly #container: string;
  readonly #call: CallOptions;
  // Each command costs the start of a process in the container; workers that come and go together share it.
  readonly #commands = new Coalesced((lines: readonly AdminCommand[]) => this.#command(lines));
  readonly #looks = new Coalesced<never, StatTable>(() => this.#look());

  constructor(client: Pick<DockerWriter, 'exec'>, container: string, call: CallOptions) {
    this.#client = client;
    this.#container = container;
    this.#call = call;
  }

  /** One that waits for a HAProxy which crashes, or is restarted, while a run is at work. */
  static patient(
    client: Pick<DockerClient, 'exec' | 'inspectContainer'>,
    container: string,
    call: CallOptions,
  ): HaproxyAdmin {
    return new HaproxyAdmin(
      patiently(client, ({ exitCode }) => exitCode === 0),
      container,
      call,
    );
  }

  /** No new requests for a worker; what it has goes on. */
  drain(worker: number): Promise<void> {
    return this.#commands.run(...drainCommands(worker));
  }

  /** Nothing for a slot that a worker is about to start on, until it is admitted. */
  hold(worker: number): Promise<void> {
    return this.#commands.run(...holdCommands(worker));
  }

  /** Requests again, from this moment: who calls has just seen the worker answer. */
  admit(worker: number): Promise<void> {
    return this.#commands.run(...admitCommands(worker));
  }

  /** The slot is empty: down by its health, neither held nor draining. */
  vacate(worker: number): Promise<void> {
    return this.#commands.run(...vacateCommands(worker));
  }

  /**
   * Moves slots to the ports that a new configuration has for them. To be done before a reload: the states of the servers
   * that survive it hold their ports, and win over the configuration.
   */
  async move(slots: HaproxyModel['slots']): Promise<void> {
    const wanted = new Map(slots.map(({ number, address }) => [slotName(number), { number, address }]));
    const servers = parseServersState(await this.#ask([showServersState]));
    const moved = servers.flatMap(({ name, address, port }) => {
      const slot = wanted.get(name);
      return slot === undefined || slot.address === `${address}:${port}` ? [] : [slot];
    });
    // A line of commands has to fit into HAProxy's buffer.
    for (let index = 0; index < moved.length; index += movesAtOnce) {
      const batch = moved.slice(index, index + movesAtOnce);
      await this.#ask(batch.map(({ number, address }) => moveCommand(number, address)));
    }
  }

  /** What HAProxy counts, looked up after this call. */
  stats(): Promise<StatTable> {
    return this.#looks.run();
  }

  /** Names of the slots that get requests. */
  async up(): Promise<ReadonlySet<string>> {
    const { servers } = await this.stats();
    return new Set(servers.filter(({ state }) => state === 'up').map(({ name }) => name));
  }

  async server(worker: number): Promise<ServerStat | undefined> {
    return (await this.stats()).servers.find(({ name }) => name === slotName(worker));
  }

  /** Writes the servers' states where the next process reads them, so that a reload forgets nothing. */
  async saveState(): Promise<void> {
    await this.#client.exec(this.#container, saveStateCommand(adminPort), this.#call);
  }

  async #look(): Promise<StatTable> {
    return parseStat(await this.#ask([showStat]));
  }

  // The commands used here answer with an empty line; anything else is a complaint.
  async #command(lines: readonly AdminCommand[]): Promise<void> {
    const answer = (await this.#ask(lines)).trim();
    if (answer !== '') {
      throw new PlumbstackError(
        'ENGINE_FAILED',
        `HAProxy refused ${JSON.stringify(lines.join('; '))}: ${answer}`,
        {
          details: { commands: lines, answer },
          hint: 'Its configuration may have been changed by hand; run up again to mend it.',
        },
      );
    }
  }

  async #ask(lines: readonly AdminCommand[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.#client.exec(
      this.#container,
      adminCommand(adminPort, lines),
      this.#call,
    );
    if (exitCode === 0) return stdout;
    throw new PlumbstackError('ENGINE_FAILED', `HAProxy's runtime API did not answer: ${stderr.trim()}`, {
      details: { exitCode, stderr },
      hint: 'Look at the log of its container; run up again to mend it.',
    });
  }
}

import { inspect } from 'node:util';
import assert from 'node:assert/strict';
import { isPlumbstackError } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';
import { FaultProxy, type EngineCall, type Fault } from '../support/fault-proxy';
import { Lab, leftovers } from '../support/lab';
import { assertSameState, settledState, withoutHistory, type SettledState } from '../support/settled-state';
import { assertServes, eventuallyServes, smallStack } from './small-stack';
import { perform, type VerbRequest } from './verb';
import { VerbProcess } from './verb-process';

/** What can happen to a run at one of its calls. */
export type Disturbance = Fault | 'killed before' | 'killed after';

export const disturbances: readonly Disturbance[] = [
  'unanswered',
  'killed after',
  500,
  'unsent',
  'killed before',
  404,
  'hang',
  409,
];

/** What is disturbed, and what must be well after it. */
export interface Scenario {
  readonly title: string;
  /**
   * One case goes the one way, the next one the other: where each starts from where the other ends, nothing has to be
   * done in between.
   */
  readonly ways: readonly [Way, ...Way[]];
  /** Whether the routes answer at every moment between the first verb and the last. */
  readonly keepsServing: boolean;
}

/** A verb that is disturbed, and where it starts from. */
export interface Way {
  /** Leads to where the disturbed one starts. */
  readonly before: Verb;
  readonly disturbed: Verb;
  /** The one plain verb after which all must be well. */
  readonly mend: Verb;
  /** What both routes answer in the end; none where the stack is gone. */
  readonly serves?: Served;
}

/** Both apps in a version, from an image that has it in it or their environment. */
export type Served = Required<Pick<VerbRequest, 'version'>> & Pick<VerbRequest, 'image'>;

export type Verb = Omit<VerbRequest, 'stack'>;

export interface Case {
  readonly call: EngineCall;
  readonly disturbance: Disturbance;
}

/** How an undisturbed run goes, and what it leads to. */
export interface Undisturbed {
  /** Of the first way; the others make the same. */
  readonly calls: readonly EngineCall[];
  /** What each way leads to. */
  readonly states: readonly SettledState[];
}

/** Longest time of a disturbed run: a call that hangs, and what is cleaned up after it. */
const patienceMs = 90_000;
/** Deadline of a call where one of them hangs. */
const shortCallMs = 2500;

/** One stack, its proxy and its runtime: what one case after the other is tried on. */
export class Lane implements AsyncDisposable {
  readonly #lab: Lab;
  readonly #proxy: FaultProxy;
  readonly #stack: string;
  #tried = 0;

  private constructor(proxy: FaultProxy) {
    this.#lab = new Lab();
    this.#proxy = proxy;
    this.#stack = this.#lab.stack().name;
  }

  static async start(): Promise<Lane> {
    return new Lane(await FaultProxy.start());
  }

  async undisturbed({ ways }: Scenario): Promise<Undisturbed> {
    const states: SettledState[] = [];
    let calls: readonly EngineCall[] | undefined;
    for (const { before, disturbed, mend } of ways) {
      await this.#perform(before);
      await using runtime = new DockerRuntime({ host: this.#proxy.host });
      this.#proxy.watch();
      await perform(runtime, { ...disturbed, stack: this.#stack });
      calls ??= this.#proxy.calls;
      await this.#perform(mend);
      states.push(withoutHistory(await settledState(this.#stack)));
    }
    return { calls: calls ?? [], states };
  }

  /** Disturbs one call and looks whether all is well in the end; says whether the call came at all. */
  async try(
    { ways, keepsServing }: Scenario,
    { call, disturbance }: Case,
    states: readonly SettledState[],
  ): Promise<boolean> {
    const turn = this.#tried++ % ways.length;
    const { before, disturbed, mend, serves } = ways[turn] ?? ways[0];
    await this.#perform(before);
    const isKill = disturbance === 'killed before' || disturbance === 'killed after';
    const request: VerbRequest = { ...disturbed, stack: this.#stack };
    const came = isKill
      ? await this.#killed(request, call, disturbance)
      : await this.#disturbed(request, call, disturbance);
    if (keepsServing) await eventuallyServes(await this.#web());
    await this.#perform(mend);
    assertSameState(
      withoutHistory(await settledState(this.#stack)),
      states[turn] ?? assert.fail('no such way'),
    );
    if (serves === undefined) assert.deepEqual(await leftovers(this.#stack), []);
    else {
      const { version, image } = serves;
      const plan = await this.#lab.runtime.plan(smallStack(this.#stack, version, image));
      assert.ok(plan.isEmpty, plan.toString());
      await assertServes(await this.#web(), version);
    }
    return came;
  }

  /** After a failure: the next case shall not suffer from it. */
  async clear(): Promise<void> {
    this.#proxy.watch();
    await this.#perform({ verb: 'down', volumes: true });
    assert.deepEqual(await leftovers(this.#stack), []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lab.clear();
    await this.#lab.runtime[Symbol.asyncDispose]();
    await this.#proxy[Symbol.asyncDispose]();
  }

  #perform(verb: Verb): Promise<void> {
    return perform(this.#lab.runtime, { ...verb, stack: this.#stack });
  }

  async #web(): Promise<URL> {
    return (await this.#lab.runtime.attach(this.#stack)).endpoint('web');
  }

  async #disturbed(request: VerbRequest, { name, nth }: EngineCall, fault: Fault): Promise<boolean> {
    let came = false;
    this.#proxy.watch({
      aboutToSend: (call) => {
        if (call.name !== name || call.nth !== nth) return undefined;
        came = true;
        return fault;
      },
    });
    await using runtime = new DockerRuntime({
      host: this.#proxy.host,
      ...(fault === 'hang' && { callTimeoutMs: shortCallMs }),
    });
    const failure = await within(
      patienceMs,
      perform(runtime, request).catch((error: unknown) => error),
    );
    // A disturbance may be survived; where it is not, it is told in our own words.
    if (failure !== undefined) assert.ok(isPlumbstackError(failure), inspect(failure));
    return came;
  }

  async #killed(
    request: VerbRequest,
    { name, nth }: EngineCall,
    when: 'killed before' | 'killed after',
  ): Promise<boolean> {
    let came = false;
    const process = new VerbProcess(request, this.#proxy.host);
    const killAt = async (call: EngineCall): Promise<void> => {
      if (call.name !== name || call.nth !== nth) return;
      came = true;
      await process.kill();
    };
    this.#proxy.watch({
      ...(when === 'killed before' && {
        aboutToSend: async (call) => {
          await killAt(call);
          return came ? 'unsent' : undefined;
        },
      }),
      ...(when === 'killed after' && { answered: killAt }),
    });
    await within(patienceMs, process.ended);
    return came;
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the disturbed run did not end within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

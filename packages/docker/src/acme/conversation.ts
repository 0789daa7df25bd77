import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { isPlumbstackError } from '@plumbstack/core';
import { authorityProblem, misunderstood, unreachable, type Problem } from './refusal.js';

/** What belongs to one order, and that the library has one of for all: who is believed, and until when. */
export interface Conversation {
  readonly signal: AbortSignal;
  readonly agent: Agent;
  readonly directory: string;
  readonly hosts: readonly string[];
}

const conversations = new AsyncLocalStorage<Conversation>();

/** How long an authority may be silent over one request. */
const silenceMs = 30_000;

/**
 * Lets everything that `work` asks go by this conversation: its signal ends it, its authorities are believed, and what the
 * authority refuses is an error of ours with all that it said. The library's own HTTP has one list of authorities for the
 * process, knows no signal, and asks for over a minute where nobody answers.
 */
export async function converse<T>(
  { ca, ...about }: Omit<Conversation, 'agent'> & { readonly ca?: Buffer },
  work: () => Promise<T>,
): Promise<T> {
  const agent = new Agent({ keepAlive: true, ...(ca !== undefined && { ca }) });
  try {
    return await conversations.run({ ...about, agent }, work);
  } catch (error) {
    about.signal.throwIfAborted();
    throw isPlumbstackError(error) ? error : misunderstood(about, error);
  } finally {
    agent.destroy();
  }
}

type Axios = (typeof import('acme-client'))['axios'];
type Config = Parameters<NonNullable<Parameters<Axios['interceptors']['request']['use']>[0]>>[0];

/** Hooks conversations into the library; whatever else in this process uses it goes on as before. */
export function byConversation(axios: Axios): void {
  axios.interceptors.request.use((config) => {
    const conversation = conversations.getStore();
    if (conversation !== undefined) config.adapter = (each) => send(each, conversation);
    return config;
  });
}

async function send(config: Config, conversation: Conversation): Promise<Answer> {
  const answer = await ask(config, conversation);
  const { status, data } = answer;
  if (status < 400) return answer;
  const problem = problemIn(data);
  // The library asks again with the nonce that came with it: RFC 8555, section 6.5.
  if (problem.type === 'urn:ietf:params:acme:error:badNonce') return answer;
  throw authorityProblem(conversation, { detail: `HTTP ${status}`, ...problem });
}

interface Answer {
  readonly data: string;
  readonly status: number;
  readonly statusText: string;
  readonly headers: Record<string, string>;
  readonly config: Config;
}

async function ask(config: Config, conversation: Conversation): Promise<Answer> {
  const { agent, signal: whole } = conversation;
  const { url = '', method = 'get', headers } = config;
  const body: unknown = config.data;
  const silence = AbortSignal.timeout(silenceMs);
  const signal = AbortSignal.any([whole, silence]);
  try {
    const outgoing = request(url, {
      agent,
      signal,
      method: method.toUpperCase(),
      headers: Object.fromEntries(
        Object.entries(headers.toJSON()).map(([name, each]) => [name, String(each)]),
      ),
    });
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.on('response', resolve).on('error', reject);
      outgoing.end(typeof body === 'string' ? body : undefined);
    });
    return {
      data: await text(response),
      status: response.statusCode ?? 0,
      statusText: response.statusMessage ?? '',
      headers: Object.fromEntries(
        Object.entries(response.headers).map(([name, each]) => [name, [each].flat().join(', ')]),
      ),
      config,
    };
  } catch (error) {
    whole.throwIfAborted();
    throw unreachable(conversation, silence.aborted ? `it is silent for ${silenceMs / 1000} s` : error);
  }
}

/** A problem document: RFC 7807. Whatever else an authority, or a proxy before it, may say is no word of it. */
function problemIn(body: string): Problem {
  try {
    const said: unknown = JSON.parse(body);
    return typeof said === 'object' && said !== null ? said : {};
  } catch {
    return {};
  }
}

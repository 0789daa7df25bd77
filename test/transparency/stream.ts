import { connect, type ClientHttp2Session, type OutgoingHttpHeaders } from 'node:http2';
import { hasBody, sentTrailers, type Field, type Interim, type Question, type RawAnswer } from './question';

const patienceMs = 20_000;

/** Opens a connection of HTTP/2 to a router whose certificate nobody has to believe. */
export function openSession(base: URL): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = connect(base, { rejectUnauthorized: false });
    session.once('error', reject);
    session.once('connect', () => {
      session.off('error', reject);
      session.on('error', () => undefined);
      resolve(session);
    });
  });
}

/** Asks by a stream of its own. */
export function askStream(
  session: ClientHttp2Session,
  question: Question,
  prefix: string,
): Promise<RawAnswer> {
  const { method, target, framing = 'none', body = '' } = question;
  const headers: OutgoingHttpHeaders = {
    ':method': method,
    ':path': `${prefix}${target}`,
    ...(question.host !== undefined && { ':authority': question.host }),
    ...grouped(question.headers ?? []),
    ...((framing === 'length' || framing === 'expect') && { 'content-length': String(body.length) }),
    ...(framing === 'trailers' && { trailer: sentTrailers.map(([name]) => name).join(', ') }),
    ...(framing.startsWith('expect') && { expect: '100-continue' }),
  };
  return new Promise((resolve) => {
    const interims: Interim[] = [];
    const parts: Buffer[] = [];
    let status = 0;
    let head: readonly Field[] = [];
    let trailers: readonly Field[] = [];
    let why: string | undefined;
    const stream = session.request(headers, {
      endStream: !hasBody(question),
      waitForTrailers: framing === 'trailers',
    });
    stream.setTimeout(patienceMs, () => {
      why = `nothing in ${patienceMs} ms`;
      stream.close();
    });
    stream.on('headers', (told: Record<string, unknown>, _flags: number, raw?: readonly string[]) => {
      interims.push({ status: Number(told[':status']), headers: fieldsOf(raw) });
    });
    stream.on('response', (told, _flags, raw?: readonly string[]) => {
      status = Number(told[':status']);
      head = fieldsOf(raw);
    });
    stream.on('trailers', (_told: unknown, _flags: number, raw?: readonly string[]) => {
      trailers = fieldsOf(raw);
    });
    stream.on('data', (chunk: Buffer) => parts.push(chunk));
    stream.on('wantTrailers', () => stream.sendTrailers(Object.fromEntries(sentTrailers)));
    stream.on('error', (error: Error) => {
      why = error.message;
    });
    stream.on('close', () => {
      if (stream.rstCode !== 0 && stream.rstCode !== undefined) why ??= `reset with ${stream.rstCode}`;
      const whole = why === undefined && status !== 0;
      resolve({
        interims,
        status,
        reason: '',
        headers: head,
        body: Buffer.concat(parts),
        trailers,
        whole,
        stays: true,
        ...(why !== undefined && { why }),
      });
    });
    if (!hasBody(question)) return;
    const send = (): unknown => stream.end(Buffer.from(body, 'latin1'));
    if (!framing.startsWith('expect')) return void send();
    // Who is not told to go on sends all the same, after a while: RFC 9110, section 10.1.1.
    const soon = setTimeout(send, 100);
    stream.once('continue', () => {
      clearTimeout(soon);
      send();
    });
  });
}

function grouped(fields: readonly Field[]): Record<string, string | string[]> {
  const groups: Record<string, string | string[]> = {};
  for (const [name, value] of fields) {
    const known = groups[name.toLowerCase()];
    groups[name.toLowerCase()] = known === undefined ? value : [known, value].flat();
  }
  return groups;
}

/** Of node's flat list, without the fields of the protocol itself. */
function fieldsOf(raw: readonly string[] = []): readonly Field[] {
  const fields: Field[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const [name = '', value = ''] = raw.slice(index, index + 2);
    if (!name.startsWith(':')) fields.push([name, value]);
  }
  return fields;
}

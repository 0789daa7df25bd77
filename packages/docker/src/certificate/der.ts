import { isIP } from 'node:net';

/**
 * The part of DER that a certificate and a request for one are made of: X.690, section 10. The libraries that know all of it
 * bring twenty packages and a global polyfill into every program; what is written here is read back by OpenSSL in the tests.
 */
export type Der = Buffer;

function tagged(tag: number, content: Buffer): Der {
  const { length } = content;
  // Above 127 bytes, the length is told in as many bytes as it needs, behind one that says how many.
  const long = length < 0x80 ? '' : length.toString(16);
  const bytes = Buffer.from(long.length % 2 === 0 ? long : `0${long}`, 'hex');
  const head = length < 0x80 ? [tag, length] : [tag, 0x80 | bytes.length, ...bytes];
  return Buffer.concat([Buffer.from(head), content]);
}

export function sequence(...parts: readonly Der[]): Der {
  return tagged(0x30, Buffer.concat(parts));
}

export function set(...parts: readonly Der[]): Der {
  return tagged(0x31, Buffer.concat(parts));
}

/** `[n]`, around other values or a value itself. */
export function context(tag: number, content: Buffer, isConstructed = true): Der {
  return tagged((isConstructed ? 0xa0 : 0x80) | tag, content);
}

/** A number of at least 0, by its bytes. */
export function unsigned(bytes: Buffer): Der {
  const from = bytes.findIndex((each) => each !== 0);
  const short = from < 0 ? Buffer.of(0) : bytes.subarray(from);
  return tagged(0x02, (short[0] ?? 0) < 0x80 ? short : Buffer.concat([Buffer.of(0), short]));
}

export function boolean(value: boolean): Der {
  return tagged(0x01, Buffer.of(value ? 0xff : 0));
}

export function octets(content: Buffer): Der {
  return tagged(0x04, content);
}

/** Whole bytes as bits. */
export function bits(content: Buffer): Der {
  return tagged(0x03, Buffer.concat([Buffer.of(0), content]));
}

export function utf8(text: string): Der {
  return tagged(0x0c, Buffer.from(text));
}

/** An object identifier, as `2.5.29.17`. */
export function identifier(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return tagged(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): readonly number[] {
  const digits = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128))
    digits.unshift((rest % 128) | 0x80);
  return digits;
}

/** RFC 5280, section 4.1.2.5: two digits of the year to 2049, four after that. */
export function time(date: Date): Der {
  const text = `${date.toISOString().replace(/[-:T]|\.\d+/g, '')}`;
  return date.getUTCFullYear() < 2050
    ? tagged(0x17, Buffer.from(text.slice(2)))
    : tagged(0x18, Buffer.from(text));
}

/** A certificate's extension: RFC 5280, section 4.2. */
export function extension(id: string, value: Der, isCritical = false): Der {
  return sequence(identifier(id), ...(isCritical ? [boolean(true)] : []), octets(value));
}

/** The extension that says whom a certificate is for: host names and IP addresses. RFC 5280, section 4.2.1.6 */
export function subjectAltName(names: readonly string[]): Der {
  const parts = names.map((name) =>
    isIP(name) === 0 ? context(2, Buffer.from(name), false) : context(7, addressBytes(name), false),
  );
  return extension('2.5.29.17', sequence(...parts));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail = ''] = address.split('::');
  const groups = (half: string): readonly string[] => (half === '' ? [] : half.split(':'));
  const zeros = Array.from({ length: 8 - groups(head).length - groups(tail).length }, () => '0');
  const all = address.includes('::') ? [...groups(head), ...zeros, ...groups(tail)] : groups(head);
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

export function pem(label: string, der: Der): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

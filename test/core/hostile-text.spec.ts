import assert from 'node:assert/strict';
import { Stack, plumber } from '@plumbstack/core';
import { refusalOf } from './refusal';

const length = 50_000;
// Text on which a pattern that can match in many ways tries them all: the end never fits.
const repeated = [
  'a',
  'a.',
  'a-',
  '-',
  '.',
  ':',
  '::',
  '0',
  '1.',
  '/',
  '/a',
  'a/',
  '%20',
  '$6$',
  'a_',
  '__',
  ' ',
  '*.',
  '@',
  '=',
  'A',
  'ab:',
];
const endings = ['!', '\n', ''];
const beginnings = [
  '',
  '/',
  'https://',
  '$6$',
  'sha256:',
  'SIG',
  '{SSHA}',
  'a',
  'a@',
  'a:',
  '::1/',
  '10.0.0.0/',
  'a/b@sha256:',
];

const app = (options: object): unknown => new Stack('s').app('a', { image: 'a', ...options });
const router = (options: object): unknown => new Stack('s').router('r', options);
const route = (options: object, prefix = '/', target?: object): unknown => {
  const stack = new Stack('s');
  return stack.router('r').route(prefix, (target ?? stack.app('a', { image: 'a' })) as never, options);
};

/** Every check that reads text by a pattern. */
const checks: Readonly<Record<string, (text: string) => unknown>> = {
  name: (text) => new Stack(text),
  subnet: (subnet) => new Stack('s', { subnet }),
  image: (image) => app({ image }),
  'env name': (text) => app({ env: { [text]: '' } }),
  user: (user) => app({ user }),
  stopSignal: (stopSignal) => app({ stopSignal }),
  capAdd: (text) => app({ capAdd: [text] }),
  'extraHosts name': (text) => app({ extraHosts: { [text]: '10.0.0.1' } }),
  'extraHosts address': (text) => app({ extraHosts: { a: text } }),
  'publish host': (host) => app({ publish: { port: 80, host } }),
  'health path': (http) => app({ health: { http } }),
  'container path': (workingDir) => app({ workingDir }),
  'unknown option': (text) => app({ [text]: 1 }),
  serverName: (serverName) => router({ serverName }),
  'header name': (text) => router({ headers: { [text]: 'a' } }),
  'header value': (text) => router({ headers: { a: text } }),
  prefix: (prefix) => route({}, prefix),
  network: (text) => route({ allow: [text] }),
  redirect: (redirect) => route({}, '/', { redirect }),
  'password hash': (text) => route({ auth: { users: { a: text } } }),
  'user name': (text) => route({ auth: { users: { [text]: '$6$a$b' } } }),
  'R package': (text) => plumber('a.R', { packages: [text] }),
  'Debian package': (text) => plumber('a.R', { systemPackages: [text] }),
  'R file': (text) => plumber(text),
};

describe('long hostile text', () => {
  for (const [what, check] of Object.entries(checks)) {
    it(`as ${what} is checked in time that grows no faster than it`, function () {
      this.timeout(60_000);
      for (const beginning of beginnings) {
        for (const unit of repeated) {
          const text = beginning + unit.repeat(length / unit.length);
          for (const ending of endings) {
            const begin = process.cpuUsage();
            try {
              check(text + ending);
            } catch {
              // Whether it is refused is told by the tests of each option; here only how soon.
            }
            // A linear check takes a millisecond or two; a quadratic one 10 ** 9 steps and more, so seconds.
            const tookMs = process.cpuUsage(begin).user / 1000;
            assert.ok(tookMs < 1000, `${JSON.stringify([beginning, unit, ending])} took ${tookMs} ms`);
          }
        }
      }
    });
  }

  it('is cut short in messages', () => {
    const long = 'x'.repeat(length);
    for (const call of [() => new Stack(long), () => app({ [long]: 1 }), () => app({ image: `!${long}` })]) {
      assert.ok(refusalOf(call).message.length < 1000);
    }
  });
});

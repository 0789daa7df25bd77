import { asked, type Difference } from './difference';

/** Something that is not as it is without us, and why it is right so. Each occurs, or it has no place here. */
export interface ExpectedDifference {
  readonly reason: string;
  readonly matches: (difference: Difference) => boolean;
}

const address = /^\d+\.\d+\.\d+\.\d+$/;
const id = /^[0-9a-f-]{32,36}$/;

/** nginx is in front of all of them. */
const routed = ({ way }: Difference): boolean => way.kind !== 'direct';
/** Routes take their prefix off, and so does nothing else. */
const mounted = ({ way }: Difference): boolean => way.prefix !== '' && way.seenPrefix === '';

function what(names: string | RegExp, also: (difference: Difference) => boolean = () => true) {
  return (difference: Difference): boolean =>
    (typeof names === 'string' ? difference.what === names : names.test(difference.what)) && also(difference);
}

function ofCase(title: RegExp, also: (difference: Difference) => boolean = () => true) {
  return (difference: Difference): boolean => title.test(difference.case.title) && also(difference);
}

const saysWho: readonly ExpectedDifference[] = [
  {
    reason: "X-Forwarded-For holds the visitor's address alone, whatever the visitor said",
    matches: what('got header x-forwarded-for', ({ here }) => address.test(here)),
  },
  {
    reason: "X-Real-IP holds the visitor's address, whatever the visitor said",
    matches: what('got header x-real-ip', ({ here }) => address.test(here)),
  },
  {
    reason: 'X-Forwarded-Proto holds the scheme by which the visitor came',
    matches: what(
      'got header x-forwarded-proto',
      ({ here, mode }) => here === (mode === 'HTTP/2' ? 'https' : 'http'),
    ),
  },
  {
    reason: 'X-Forwarded-Host holds the host that the visitor asked for',
    matches: what('got header x-forwarded-host', ({ here, case: { host = asked } }) => sameHost(host, here)),
  },
  {
    reason: 'X-Forwarded-Prefix holds what was taken off, and nothing of the visitor',
    matches: what('got header x-forwarded-prefix', ({ here, way }) =>
      mounted({ way } as Difference) ? here === way.prefix : here === '(none)' || here === '',
    ),
  },
  {
    reason: 'X-Request-Id holds the id of the request in the access log',
    matches: what('got header x-request-id', (each) => routed(each) && id.test(each.here)),
  },
  {
    reason: 'the answer says the id of the request in the access log',
    matches: what('answer header x-request-id', (each) => routed(each) && id.test(each.here)),
  },
  {
    reason: 'Forwarded is what visitors say of other proxies: nobody could tell it from a forged one',
    matches: what('got header forwarded', ({ here }) => here === '(none)'),
  },
  {
    reason: 'what else visitors say of other proxies is dropped',
    matches: what(/^got header x-forwarded-(?:port|server)$/, ({ here }) => here === '(none)'),
  },
  {
    reason: 'names that an app takes for X-Forwarded-* and the like, with _ for -, are dropped',
    matches: ofCase(
      /look-alikes of words of proxies/,
      what(/^got header x[-_]/, ({ here }) => here === '(none)'),
    ),
  },
  {
    reason: 'names that an app takes for Content-Length and the like, with _ for -, are dropped',
    matches: ofCase(
      /look-alikes of words of HTTP/,
      what(/^got header [a-z]+_[a-z]+$/, ({ here }) => here === '(none)'),
    ),
  },
  {
    reason: 'Proxy is the variable HTTP_PROXY to a CGI program: https://httpoxy.org',
    matches: what('got header proxy', ({ here }) => here === '(none)'),
  },
  {
    reason: 'Host is in lower case: names of hosts have no case, and a route was chosen by it',
    matches: what('got header host', ({ here, direct }) => here !== direct && here === direct.toLowerCase()),
  },
  {
    reason: 'the dot at the end of a host is left out, as in a certificate',
    matches: what('got header host', ({ here, direct }) => `${here}.` === direct),
  },
];

function sameHost(wanted: string, here: string): boolean {
  const lower = wanted.toLowerCase();
  return here === lower || `${here}.` === lower || here === wanted;
}

/** RFC 9110, section 7.6.1: what is about one connection is not for the next one. */
const hopByHop: readonly ExpectedDifference[] = [
  {
    reason: 'Connection is about one connection: on the way to the app',
    matches: what('got header connection', ({ here }) =>
      /^(?:\(none\)|close|keep-alive|HTTP2-Settings(?: \| close)?)$/i.test(here),
    ),
  },
  {
    reason: 'Connection is about one connection: on the way to the visitor',
    matches: what('answer header connection', ({ here }) => /^(?:\(none\)|close|keep-alive)$/.test(here)),
  },
  { reason: 'Keep-Alive is about one connection', matches: what('got header keep-alive') },
  { reason: 'TE is about one connection', matches: what('got header te', ({ here }) => here === '(none)') },
  {
    reason: 'only WebSockets are carried: other upgrades would lead past what a route checks',
    matches: what('got header upgrade', ({ here }) => here === '(none)'),
  },
  {
    reason: 'a body that was collected has its length in place of chunks',
    matches: ofCase(
      /chunked|trailers|expect|body/,
      what(/^got header (?:transfer-encoding|content-length)$/),
    ),
  },
  {
    reason: 'HTTP/2 has no chunks, and no length where the visitor does not say it',
    matches: what(/^answer header transfer-encoding$/, ({ mode }) => mode === 'HTTP/2'),
  },
  {
    reason:
      'an answer whose end is the end of the connection is chunked: the connection to the visitor stays',
    matches: what(
      'answer header transfer-encoding',
      ({ direct, here }) => direct === '(none)' && here === 'chunked',
    ),
  },
  {
    reason: 'how an answer to HEAD would be cut into pieces, nobody has to say',
    matches: what('answer header transfer-encoding', (each) => each.case.method === 'HEAD'),
  },
  {
    reason: '100 Continue is said by whoever collects the body',
    matches: what('got header expect', ({ here }) => here === '(none)'),
  },
  {
    reason: 'nobody says 100 Continue in HTTP/2, where streams have windows of their own',
    matches: ofCase(
      /expect/,
      what('interim answers', ({ mode }) => mode === 'HTTP/2'),
    ),
  },
  {
    reason: 'trailers of a request end where its body is collected',
    matches: what(/^got trailer /, ({ here }) => here === '(none)'),
  },
  {
    reason: 'an app is asked by HTTP/1.1, whatever the visitor speaks',
    matches: ofCase(
      /HTTP\/1\.0/,
      what('got version', ({ here }) => here === 'HTTP/1.1'),
    ),
  },
  {
    reason: 'two lines of Cookie are one line: RFC 9113, section 8.2.3',
    matches: what('got header cookie', ({ direct, here }) => direct.replace(' | ', '; ') === here),
  },
  {
    reason: 'HTTP/2 has no reasons beside the status',
    matches: what('reason', ({ mode, here }) => mode === 'HTTP/2' && here === ''),
  },
  {
    reason: 'who says no reason beside the status gets the usual one',
    matches: ofCase(
      /no reason/,
      what('reason', ({ here }) => here === 'OK'),
    ),
  },
  {
    reason: 'an absolute URL is for a proxy: the app gets its path, and its host as Host',
    matches: what('got target', ({ direct, here }) => direct === `http://${asked}${here}`),
  },
  {
    reason: 'interim answers are advice, and are not sent on',
    matches: ofCase(/hints/, what('interim answers')),
  },
];

const byTheRouter: readonly ExpectedDifference[] = [
  { reason: 'Server does not name what the app runs on', matches: what('answer header server', routed) },
  { reason: 'Date is when the router answered', matches: what('answer header date', routed) },
  {
    reason: 'a redirect of an app that does not know its prefix is put below it',
    matches: what(
      'answer header location',
      (each) => mounted(each) && each.here === `${each.way.prefix}${each.direct}`,
    ),
  },
  {
    reason: 'the path of a cookie of an app that does not know its prefix is put below it',
    matches: ofCase(
      /cookies of paths/,
      what(
        'answer header set-cookie',
        (each) => mounted(each) && each.here.includes(`Path=${each.way.prefix}/`),
      ),
    ),
  },
  {
    reason: 'text of at least 1 KiB is packed for whoever takes that',
    matches: ofCase(
      /gzip/,
      what(
        /^(?:answer header (?:content-encoding|content-length|vary|etag|transfer-encoding)|body)$/,
        routed,
      ),
    ),
  },
  {
    reason: 'a cache is told that text may come packed',
    matches: what('answer header vary', (each) => routed(each) && /Accept-Encoding$/.test(each.here)),
  },
  {
    reason: 'an app does not get to steer the router',
    matches: what(/^answer header x-accel-/, ({ here }) => here === '(none)'),
  },
  {
    reason: 'a path that leads upwards has two meanings where the prefix stays on',
    matches: ofCase(
      /^(?:GET|POST) \/.*(?:\.|%2e)(?:\/|%2f|$|[;?])/i,
      what(
        /^(?:status|the answer is its own)$/,
        ({ way, here }) => way.kind === 'whole path' && /^(?:400|\(none\))$/.test(here),
      ),
    ),
  },
  {
    reason: 'a path that leads above its root is none',
    matches: ofCase(
      /^(?:GET|POST) \/(?:\.\.|%2e%2e)/i,
      what(
        /^(?:status|the answer is its own)$/,
        ({ way, here }) => way.kind === 'pool' && /^(?:400|\(none\))$/.test(here),
      ),
    ),
  },
  {
    reason: 'a target with a broken or a zero escape is no URL',
    matches: ofCase(
      /\/a%(?:zz|00b)?$/,
      what(/^(?:status|the answer is its own)$/, ({ here }) => /^(?:400|\(none\))$/.test(here)),
    ),
  },
];

export const expectedDifferences: readonly ExpectedDifference[] = [...saysWho, ...hopByHop, ...byTheRouter];

import { ipNetwork } from './address.js';
import { comment, condition, fetch, format, line, type HaproxyCode } from './config-text.js';
import type { HaproxyModel } from './proxy-model.js';

/** Where requests for the pool come in. */
export function entrance({ port }: Pick<HaproxyModel, 'port'>): readonly string[] {
  return [comment("IPv4 only: the stack's network has no IPv6"), line('bind', `ipv4@*:${port}`)];
}

/** Whether the other end of the connection is a router; nothing where there is none. */
export function fromRouter({ believed }: Pick<HaproxyModel, 'believed'>): HaproxyCode | undefined {
  return believed.length === 0 ? undefined : condition(fetch('src'), ...believed.map(ipNetwork));
}

/** Behind a router the visitor is whom it names; of anybody else it is whoever connects, whatever they say. */
export function visitor(model: HaproxyModel): readonly string[] {
  const router = fromRouter(model);
  const isBelieved = condition(fetch('var', 'txn.believed'), '-m', 'found');
  return [
    comment('nginx has taken the message apart before, and an app by itself takes such characters'),
    line('option accept-unsafe-violations-in-http-request'),
    ...(router === undefined ? [] : [line('http-request set-var(txn.believed)', fetch('src'), 'if', router)]),
    line('http-request set-src', fetch('req.hdr_ip', 'X-Forwarded-For', '-1'), 'if', isBelieved),
    line('http-request del-header', 'X-Forwarded-For', 'unless', isBelieved),
    line('option forwardfor', 'if-none'),
    ...[
      { name: 'X-Forwarded-Proto', value: format('http') },
      { name: 'X-Forwarded-Host', value: format(fetch('req.hdr', 'Host')) },
    ].flatMap(({ name, value }) => [
      line('http-request del-header', name, 'unless', isBelieved),
      line(
        'http-request set-header',
        name,
        value,
        'unless',
        condition(fetch('req.hdr', name), '-m', 'found'),
      ),
    ]),
  ];
}

import { framingHeaders } from '@plumbstack/core';
import { directive, refuseConfig, text, variable, type NginxNode } from './config-text.js';

/** Header names and values; a later set replaces an earlier one's, whatever the case of the name. */
export type HeaderSet = Readonly<Record<string, string>>;

/** Fields that may come several times, each time with something else: the app's stay beside ours. */
const additive = ['link', 'set-cookie', 'vary', 'www-authenticate', 'server-timing'];

/** The request's id: what the app gets, the visitor gets and the log has. */
export const requestId = variable('plumbstack_request_id');

/** Checks and merges header sets. */
export function mergeHeaders(...sets: readonly HeaderSet[]): HeaderSet {
  const merged = new Map<string, readonly [string, string]>();
  for (const [name, value] of sets.flatMap((set) => Object.entries(set))) {
    const key = name.toLowerCase();
    if (!/^[a-z0-9-]+$/.test(key)) refuseConfig('letters, digits and hyphens', 'the name of a header');
    if (framingHeaders.includes(key))
      refuseConfig('left to the proxy: it says how the answer is sent', `the header ${name}`);
    merged.set(key, [name, value]);
  }
  return Object.fromEntries(merged.values());
}

/**
 * Directives that add the whole set. nginx forgets the inherited headers where a block adds one of its own, so every
 * block that adds any repeats all: https://nginx.org/en/docs/http/ngx_http_headers_module.html#add_header
 */
export function addHeaders(headers: HeaderSet, withId = true): readonly NginxNode[] {
  return [
    ...Object.entries(headers).map(([name, value]) => directive('add_header', name, text(value), 'always')),
    ...(withId ? [directive('add_header', 'X-Request-Id', requestId, 'always')] : []),
  ];
}

/** Directives that take an app's own fields of these names away, so that no answer has two. */
export function hideReplaced(headers: HeaderSet): readonly NginxNode[] {
  return ['X-Request-Id', ...Object.keys(headers)]
    .filter((name) => !additive.includes(name.toLowerCase()))
    .map((name) => directive('proxy_hide_header', name));
}

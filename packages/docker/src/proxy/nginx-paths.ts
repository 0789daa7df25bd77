import {
  block,
  directive,
  entry,
  noted,
  pattern,
  text,
  variable,
  whenSet,
  type NginxCode,
  type NginxNode,
} from './config-text.js';
import type { NginxRoute } from './proxy-model.js';

/**
 * nginx chooses a route by the path as it reads it: decoded once, dots resolved, double slashes made one. An app gets the
 * path as the visitor wrote it, less the prefix: `%2F`, `//` and `%2B` may mean something to it.
 *
 * Where a path has no dot segment, both agree: whatever a reader decodes or merges, it is below the same prefix. Where it has
 * one, readers differ (`/app1/..%2fapp2/`), so such a path belongs to the route that it literally starts with, if whatever
 * the app makes of it cannot lead beyond what this route lets everybody reach; otherwise it is refused. Browsers and clients
 * resolve dot segments before they ask.
 */

/** Where paths lead that could be read as leaving their route. From outside it does not exist. */
const ambiguous = '/.plumbstack-ambiguous';

/** How far a path may be read in another way than nginx reads it. */
type Reach =
  /** The whole app is behind the route, and no other route leads to it. */
  | 'whole'
  /** Only what is below the prefix, and no other route leads to it. */
  | 'below'
  /** Other routes, which may ask for a password, lead to the same app. */
  | 'shared';

/** How many segments a prefix has. */
function depthOf(prefix: string): number {
  return prefix.split('/').length - 2;
}

/** The path and query that an app is asked for: those of the visitor, with or without the prefix. */
export function askedPath({ prefix, stripPrefix }: NginxRoute): NginxCode {
  return variable(stripPrefix && prefix !== '/' ? belowName(depthOf(prefix)) : 'plumbstack_uri');
}

function belowName(depth: number): string {
  return `plumbstack_below_${depth}`;
}

/** Variables of all paths, for the `http` block. */
export function pathMaps(routes: readonly NginxRoute[]): readonly NginxNode[] {
  const depths = new Set(
    routes.flatMap(({ prefix, stripPrefix }) => (stripPrefix && prefix !== '/' ? [depthOf(prefix)] : [])),
  );
  return [
    noted(
      'A URL may have a query and no path',
      block(
        'map',
        [variable('request_uri'), variable('plumbstack_uri')],
        [
          entry('default', variable('request_uri')),
          entry(pattern`~^[?]`, text('/', variable('request_uri'))),
        ],
      ),
    ),
    noted(
      'Whether the path has a dot segment, in any spelling',
      block(
        'map',
        [variable('request_uri'), variable('plumbstack_dots')],
        [
          entry('default', ''),
          entry(pattern`~*^[^?]*(?:[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:[/\\;?#]|%2f|%5c|%3b|$)`, '1'),
        ],
      ),
    ),
    ...[...depths].sort((a, b) => a - b).map(below),
  ];
}

/** The visitor's path without its first segments, which are known to be the route's prefix. */
function below(depth: number): NginxNode {
  const rest = `plumbstack_rest_${depth}`;
  const segments = String(depth);
  return block(
    'map',
    [variable('request_uri'), variable(belowName(depth))],
    [
      entry('default', '/'),
      entry(
        pattern`~^(?:(?:/|%2[fF])+(?:[^/%?#]|%(?!2[fF]))+){${segments}}(?:/|%2[fF])(?<${rest}>.*)$`,
        text('/', variable(rest)),
      ),
    ],
  );
}

/**
 * Where a path with dot segments leads, for the hosts that see these routes.
 *
 * @param id of the variable, one for each set of routes
 * @param all routes of the router
 */
export function literalMap(
  id: string,
  routes: readonly NginxRoute[],
  all: readonly NginxRoute[],
): readonly NginxNode[] {
  if (routes.length === 0) return [];
  const longestFirst = [...routes].sort((a, b) => b.prefix.length - a.prefix.length);
  return [
    block(
      'map',
      [variable('request_uri'), variable(literalName(id))],
      [entry('default', ambiguous), ...longestFirst.flatMap((route) => literalEntries(route, all))],
    ),
  ];
}

function literalEntries(route: NginxRoute, all: readonly NginxRoute[]): readonly NginxNode[] {
  const { prefix } = route;
  switch (reachOf(route, all)) {
    case 'whole':
      return [entry(pattern`~^${prefix}`, prefix)];
    case 'below':
      return [entry(staysBelow(prefix), prefix), entry(pattern`~^${prefix}`, ambiguous)];
    case 'shared':
      return [entry(pattern`~^${prefix}`, ambiguous)];
  }
}

/** Each `..` comes right after a name that it takes back, so that no reader gets above the prefix. */
function staysBelow(prefix: string): NginxCode {
  return pattern`~^${prefix}(?:(?:(?!(?:\.|%2[eE]){1,2}(?:[/?#]|%2[fF]|$))(?:[^/\\%?#;]|%(?!2[fF]|5[cC]|3[bB]))+(?:(?:/|%2[fF])(?:\.|%2[eE]){2})?|(?:\.|%2[eE]))(?:/|%2[fF]|(?=[?#]|$)))*(?:[?#]|$)`;
}

function reachOf(route: NginxRoute, all: readonly NginxRoute[]): Reach {
  const { prefix, stripPrefix, target } = route;
  if (target.type !== 'upstream') return 'whole';
  const isShared = all.some(
    (each) => each !== route && each.target.type === 'upstream' && each.target.name === target.name,
  );
  if (isShared) return 'shared';
  return stripPrefix || prefix === '/' ? 'whole' : 'below';
}

function literalName(id: string): string {
  return `plumbstack_literal_${id}`;
}

/** In a `server` block: sends paths with dot segments where {@link literalMap} says, before a location is looked for. */
export function literally(id: string, routes: readonly NginxRoute[]): readonly NginxNode[] {
  if (routes.length === 0) return [];
  return [whenSet('plumbstack_dots', [directive('rewrite', '^', variable(literalName(id)), 'last')])];
}

/** Answers paths that could be read as leaving their route. */
export function ambiguousPath(headers: readonly NginxNode[]): NginxNode {
  return block('location', ['=', ambiguous], [directive('internal'), ...headers, directive('return', 400)]);
}

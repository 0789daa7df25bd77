import { block, directive, refuseConfig, text, whenSet, type NginxNode } from './config-text.js';
import { outside } from './nginx-geo.js';
import { addHeaders, type HeaderSet } from './nginx-headers.js';
import type { NginxMaintenance, NginxModel } from './proxy-model.js';
import { retryAfterSeconds } from './retry-after.js';

/** What answers with pages of its own: a route, or the router where no route is. */
export interface Pages {
  /** Part of the names that belong to it: `route_3`. */
  readonly id: string;
  /** Headers of its answers. */
  readonly headers: readonly NginxNode[];
  /** Absolute paths in the container, by status. */
  readonly errorPages: NginxModel['errorPages'];
  readonly maintenance?: NginxMaintenance;
}

/**
 * Where a page is found. A location of its own and not a named one: nginx asks it by GET, whatever the visitor's method was.
 * From outside it does not exist.
 */
function addressOf({ id }: Pages, page: string): string {
  return `/.plumbstack-${id.replaceAll('_', '-')}-${page}`;
}

/** An error that stays what it is must not be kept by a cache. */
const notKept: HeaderSet = { 'Cache-Control': 'no-store' };

/** Directives that lead errors of these statuses to their pages, or all that have one. */
export function errorPages(pages: Pages, only?: readonly number[]): readonly NginxNode[] {
  return statusesOf(pages)
    .filter((status) => only?.includes(status) ?? true)
    .map((status) => directive('error_page', status, addressOf(pages, String(status))));
}

function statusesOf({ errorPages }: Pages): readonly number[] {
  return Object.keys(errorPages).map((status) => {
    if (!/^[45]\d\d$/.test(status)) refuseConfig('from 400 to 599', 'the status of an error page');
    return Number(status);
  });
}

/**
 * The locations of the pages.
 *
 * @param nothingThere a line for visitors of what does not run right now, where that can be and 503 has no page
 */
export function pageLocations(pages: Pages, nothingThere?: string): readonly NginxNode[] {
  const { maintenance } = pages;
  const statuses = new Set([...statusesOf(pages), ...(nothingThere === undefined ? [] : [503])]);
  return [
    ...[...statuses].map((status) => errorLocation(pages, status, nothingThere ?? '')),
    ...(maintenance === undefined
      ? []
      : [
          pageLocation(pages, 'maintenance', [
            ...headersFor(pages, { ...notKept, 'Retry-After': String(maintenance.retryAfterSeconds) }),
            ...(maintenance.page === undefined
              ? line(503, 'This is being worked at. Please come back later.')
              : alias(maintenance.page)),
          ]),
        ]),
  ];
}

function errorLocation(pages: Pages, status: number, words: string): NginxNode {
  const page = Object.hasOwn(pages.errorPages, status) ? pages.errorPages[status] : undefined;
  return pageLocation(pages, String(status), [
    ...headersFor(pages, {
      ...notKept,
      ...(status === 503 && { 'Retry-After': String(retryAfterSeconds) }),
    }),
    ...(page === undefined ? line(status, words) : alias(page)),
  ]);
}

/** Leads 503 to its page, or to the line that says that nothing is there. */
export function unavailable(pages: Pages): NginxNode {
  return directive('error_page', 503, addressOf(pages, '503'));
}

function pageLocation(pages: Pages, page: string, children: readonly NginxNode[]): NginxNode {
  return block('location', ['=', addressOf(pages, page)], [directive('internal'), ...children]);
}

/** A header that the router's own set has stays as it is there. */
function headersFor({ headers }: Pages, more: HeaderSet): readonly NginxNode[] {
  const known = headers.map(({ words }) => words[1]?.toLowerCase());
  const others = Object.entries(more).filter(([name]) => !known.includes(name.toLowerCase()));
  return [...headers, ...addHeaders(Object.fromEntries(others), false)];
}

/** By the ending of the file: that of the address is not its. */
const types: Readonly<Record<string, string>> = {
  htm: 'text/html',
  html: 'text/html',
  json: 'application/json',
  txt: 'text/plain',
  xml: 'text/xml',
};

function alias(path: string): readonly NginxNode[] {
  const ending = path.slice(path.lastIndexOf('.') + 1);
  const type = Object.hasOwn(types, ending) ? types[ending] : undefined;
  if (!path.startsWith('/') || type === undefined)
    refuseConfig('an absolute path that ends in .html, .json, .txt or .xml', 'the file of a page');
  return [directive('default_type', type), directive('charset', 'utf-8'), directive('alias', text(path))];
}

function line(status: number, words: string): readonly NginxNode[] {
  return [directive('default_type', 'text/plain'), directive('return', status, text(words))];
}

function maintenanceVariable({ id }: Pick<Pages, 'id'>): string {
  return `plumbstack_maintenance_${id}`;
}

/** Whether a visitor meets the maintenance, for the `http` block. */
export function maintenanceMap(
  { id, maintenance }: Pages,
  ownNetworks: readonly string[],
): readonly NginxNode[] {
  if (maintenance === undefined) return [];
  const { except } = maintenance;
  const own = except.some((each) => each.endsWith('/0')) ? [] : ownNetworks;
  return [outside(maintenanceVariable({ id }), except, own)];
}

/** Turns visitors away while there is maintenance. */
export function underMaintenance(pages: Pages): readonly NginxNode[] {
  if (pages.maintenance === undefined) return [];
  return [
    whenSet(maintenanceVariable(pages), [
      directive('error_page', 503, addressOf(pages, 'maintenance')),
      directive('return', 503),
    ]),
  ];
}

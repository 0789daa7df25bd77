import {
  block,
  directive,
  entry,
  pattern,
  text,
  variable,
  whenSet,
  type NginxNode,
  type NginxWord,
} from './config-text.js';
import type { NginxCors, NginxRoute } from './proxy-model.js';

/** Everything that CORS has a say in: an app's own word would come beside the router's. */
const fields = [
  'Access-Control-Allow-Origin',
  'Access-Control-Allow-Credentials',
  'Access-Control-Expose-Headers',
  'Access-Control-Allow-Methods',
  'Access-Control-Allow-Headers',
  'Access-Control-Max-Age',
];

interface Indexed extends NginxRoute {
  readonly index: number;
}

function originVariable(index: number): string {
  return `plumbstack_origin_${index}`;
}

const isForAll = ({ origins }: NginxCors): boolean => origins.includes('*');

/** Variables of all routes' CORS, for the `http` block. */
export function corsMaps(routes: readonly Indexed[]): readonly NginxNode[] {
  const maps = routes.flatMap(({ cors, index }) =>
    cors === undefined || isForAll(cors) ? [] : [originMap(cors, index)],
  );
  if (routes.every(({ cors }) => cors === undefined)) return [];
  const asked = text(variable('request_method'), ' ', variable('http_access_control_request_method'));
  return [
    ...maps,
    block(
      'map',
      [asked, variable('plumbstack_preflight')],
      [entry('default', '0'), entry(pattern`~^OPTIONS [A-Z]`, '1')],
    ),
  ];
}

/** The request's own origin where it is one of those that may call; nothing otherwise. */
function originMap({ origins }: NginxCors, index: number): NginxNode {
  const its = variable('http_origin');
  return block(
    'map',
    [its, variable(originVariable(index))],
    [
      entry('default', ''),
      ...[...new Set(origins)].map((origin) => {
        const [scheme = '', host = ''] = origin.split('://*');
        return entry(host === '' ? origin : pattern`~^${scheme}://[a-z0-9-]+${host}$`, its);
      }),
    ],
  );
}

/** What every answer says. A header without a value is not sent: an origin that may not call is told nothing. */
export function corsHeaders({ cors, index }: Indexed): readonly NginxNode[] {
  if (cors === undefined) return [];
  return [
    header('Access-Control-Allow-Origin', isForAll(cors) ? '*' : variable(originVariable(index))),
    ...(cors.credentials ? [header('Access-Control-Allow-Credentials', 'true')] : []),
    ...(cors.exposeHeaders.length === 0
      ? []
      : [header('Access-Control-Expose-Headers', text(cors.exposeHeaders.join(', ')))]),
    // A cache must not give one origin's answer to another.
    ...(isForAll(cors) ? [] : [header('Vary', 'Origin')]),
  ];
}

/** Answers a preflight. `return` comes before passwords are asked for, and a preflight never has one. */
export function preflight(route: Indexed, headers: readonly NginxNode[]): readonly NginxNode[] {
  const { cors } = route;
  if (cors === undefined) return [];
  return [
    whenSet('plumbstack_preflight', [
      ...headers,
      header('Access-Control-Allow-Methods', text(cors.methods.join(', '))),
      header('Access-Control-Allow-Headers', text(cors.headers.join(', '))),
      header('Access-Control-Max-Age', text(cors.maxAgeSeconds)),
      directive('return', 204),
    ]),
  ];
}

/** Takes away what the app says of it. */
export function hideCors({ cors }: Indexed): readonly NginxNode[] {
  return cors === undefined ? [] : fields.map((name) => directive('proxy_hide_header', name));
}

function header(name: string, value: NginxWord): NginxNode {
  return directive('add_header', name, value, 'always');
}

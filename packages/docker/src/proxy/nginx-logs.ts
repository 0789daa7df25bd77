import { block, directive, entry, noted, pattern, text, variable, type NginxNode } from './config-text.js';
import type { NginxModel } from './proxy-model.js';

/** Fields of the JSON access log: name, variable, and whether it is a number for sure. */
const accessLogFields = [
  ['time', 'time_iso8601', false],
  ['requestId', 'plumbstack_request_id', false],
  ['remoteAddress', 'remote_addr', false],
  ['user', 'remote_user', false],
  ['method', 'request_method', false],
  ['scheme', 'plumbstack_scheme', false],
  ['host', 'host', false],
  ['path', 'plumbstack_path', false],
  ['protocol', 'server_protocol', false],
  ['status', 'plumbstack_status', true],
  ['bytesSent', 'bytes_sent', true],
  ['seconds', 'request_time', true],
  ['upstream', 'upstream_addr', false],
  ['upstreamStatus', 'upstream_status', false],
  ['upstreamSeconds', 'upstream_response_time', false],
  ['referer', 'plumbstack_referer', false],
  ['userAgent', 'http_user_agent', false],
] as const;

/**
 * Each write is read and written again by the engine, which costs more than the request itself. So a worker writes what has
 * come together, when this much is there or that long after the first line. No more than the 4096 bytes that Linux writes to
 * a pipe in one piece: several workers have the same pipe. A worker that ends writes what it has; one that is killed cannot.
 */
const together = ['buffer=4k', 'flush=100ms'] as const;

/** The access log, and what of a request may be in it. */
export function logs({ accessLog }: NginxModel): readonly NginxNode[] {
  return [
    noted(
      'Messages about single requests repeat whole request lines, and keys and tokens are in those',
      directive('error_log', 'stderr', 'emerg'),
    ),
    ...(accessLog === 'off'
      ? [directive('access_log', 'off')]
      : [
          withoutQuery('request_uri', 'plumbstack_path'),
          withoutQuery('http_referer', 'plumbstack_referer'),
          status,
          ...(accessLog === 'json' ? json : combined),
          directive('access_log', '/dev/stdout', 'plumbstack', ...together),
        ]),
  ];
}

function withoutQuery(of: string, to: string): NginxNode {
  return block(
    'map',
    [variable(of), variable(to)],
    [entry('default', ''), entry(pattern`~^(?<${to}_found>[^?#]+)`, variable(`${to}_found`))],
  );
}

/** Without the zeros that nginx puts before what is not an HTTP status: `009` is no number in JSON. */
const status: NginxNode = block(
  'map',
  [variable('status'), variable('plumbstack_status')],
  [
    entry('default', variable('status')),
    entry(pattern`~^0+(?<plumbstack_status_found>[0-9]+)$`, variable('plumbstack_status_found')),
  ],
);

const json: readonly NginxNode[] = [
  directive(
    'log_format',
    'plumbstack',
    'escape=json',
    text(
      ...accessLogFields.flatMap(([name, value, numeric], index) => [
        `${index === 0 ? '{' : ','}"${name}":${numeric ? '' : '"'}`,
        variable(value),
        numeric ? '' : '"',
      ]),
      '}',
    ),
  ),
];

/** nginx's own format of that name, but for the query. https://nginx.org/en/docs/http/ngx_http_log_module.html#log_format */
const combined: readonly NginxNode[] = [
  directive(
    'log_format',
    'plumbstack',
    text(
      ...[variable('remote_addr'), ' - ', variable('remote_user'), ' [', variable('time_local'), '] "'],
      ...[
        variable('request_method'),
        ' ',
        variable('plumbstack_path'),
        ' ',
        variable('server_protocol'),
        '" ',
      ],
      ...[variable('status'), ' ', variable('body_bytes_sent'), ' "', variable('plumbstack_referer'), '" "'],
      ...[variable('http_user_agent'), '"'],
    ),
  ),
];

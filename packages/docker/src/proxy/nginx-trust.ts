import { ipNetwork } from './address.js';
import { block, directive, entry, pattern, text, variable, type NginxNode } from './config-text.js';
import { within } from './nginx-geo.js';
import type { NginxModel } from './proxy-model.js';

/**
 * Who the visitor is. Behind a proxy that is trusted it is the last address in `X-Forwarded-For` that is not of such a
 * proxy itself; otherwise whoever connects. The request's id and scheme come from such a proxy too, if it says them.
 */
export function visitor({ trustedProxies }: NginxModel): readonly NginxNode[] {
  const trusted = [...new Set(trustedProxies)].map(ipNetwork);
  if (trusted.length === 0)
    return [own('plumbstack_request_id', 'request_id'), own('plumbstack_scheme', 'scheme')];
  return [
    ...trusted.map((each) => directive('set_real_ip_from', each)),
    directive('real_ip_header', 'X-Forwarded-For'),
    directive('real_ip_recursive', 'on'),
    within('plumbstack_trusted', trusted, 'realip_remote_addr'),
    block(
      'map',
      [
        text(variable('plumbstack_trusted'), variable('http_x_request_id')),
        variable('plumbstack_request_id'),
      ],
      [
        entry('default', variable('request_id')),
        // Nothing that means something to a log, a shell or a path.
        entry(
          pattern`~^1(?<plumbstack_given_id>[A-Za-z0-9][A-Za-z0-9._~+/=-]{0,127})$`,
          variable('plumbstack_given_id'),
        ),
      ],
    ),
    block(
      'map',
      [
        text(variable('plumbstack_trusted'), variable('http_x_forwarded_proto')),
        variable('plumbstack_scheme'),
      ],
      [entry('default', variable('scheme')), entry('1http', 'http'), entry('1https', 'https')],
    ),
  ];
}

/** Nobody is believed: it is what nginx knows itself. */
function own(name: string, known: string): NginxNode {
  return block('map', ['', variable(name)], [entry('default', variable(known))]);
}

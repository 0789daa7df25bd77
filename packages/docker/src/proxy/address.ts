import { refuseConfig } from './config-text.js';

const octet = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const ipv4 = new RegExp(`^(?:${octet}\\.){3}${octet}$`);

function isIpv6(value: string): boolean {
  return /^[0-9a-fA-F:.]+$/.test(value) && URL.canParse(`http://[${value}]/`);
}

function isPort(value: string): boolean {
  return /^[1-9]\d{0,4}$/.test(value) && Number(value) <= 65_535;
}

/** Checks `ip:port` with an IPv4 address. */
export function socketAddress(value: string): string {
  const [ip = '', port = '', ...rest] = value.split(':');
  if (!ipv4.test(ip) || !isPort(port) || rest.length > 0)
    refuseConfig('an address as 10.0.0.2:8000', 'an address');
  return value;
}

/** Checks a port number. */
export function portNumber(value: number): number {
  if (!Number.isSafeInteger(value) || value < 1 || value > 65_535)
    refuseConfig('a port from 1 to 65535', 'a port');
  return value;
}

/** Checks an IP address or a network, as `10.0.0.0/8`. */
export function ipNetwork(value: string): string {
  const [ip = '', bits, ...rest] = value.split('/');
  const most = ipv4.test(ip) ? 32 : isIpv6(ip) ? 128 : -1;
  const bitsOk = bits === undefined || (/^(?:0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= most);
  if (most < 0 || !bitsOk || rest.length > 0) {
    refuseConfig(
      'an IP address or a network such as "10.0.0.0/8"',
      `the network ${JSON.stringify(value.slice(0, 60))}`,
    );
  }
  return value;
}

/** Whether all of an IPv4 network, as `10.0.0.0/24`, lies in another one. Networks of IPv6 contain none. */
export function networkContains(outer: string, inner: string): boolean {
  const [[outerBase, outerBits], [innerBase, innerBits]] = [bounds(outer), bounds(inner)];
  const size = 2 ** (32 - outerBits);
  return innerBits >= outerBits && Math.floor(innerBase / size) === Math.floor(outerBase / size);
}

/** First address and length of the prefix; neither is a number for IPv6. */
function bounds(network: string): readonly [base: number, bits: number] {
  const [ip = '', bits = '32'] = ipNetwork(network).split('/');
  return [
    ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0),
    ipv4.test(ip) ? Number(bits) : NaN,
  ];
}

/** Checks a DNS label. */
export function dnsLabel(value: string): string {
  if (!/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(value)) refuseConfig('a DNS label', 'a name');
  return value;
}

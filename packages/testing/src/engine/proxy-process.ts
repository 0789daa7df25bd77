import type { Files } from './files.js';
import { HaproxyProcess } from './haproxy-process.js';
import { NginxProcess } from './nginx-process.js';

export type ProxyProcess = NginxProcess | HaproxyProcess;

/**
 * The proxy that a configuration is for, as it runs with it. Nothing where there is none: it would not start.
 * @param config files in its configuration volume
 */
export function startProxy(role: 'router' | 'balancer', config: Files): ProxyProcess | undefined {
  return role === 'router' ? NginxProcess.start(config) : HaproxyProcess.start(config);
}

import {
  poolPort,
  routerPort,
  routerTlsPort,
  type BasicAuthSpec,
  type CertificateSpec,
  type MaintenanceSpec,
  type ResourceSpec,
  type RouterSpec,
} from '@plumbstack/core';
import { baseLabels } from '../labels.js';
import { configVolumeName } from '../object-names.js';
import type { PutFile } from '../client/docker-client.js';
import type { AddressPlan } from './address-plan.js';
import { boundFacts, imageOf, publishedPorts } from './compile-container.js';
import type { RouterModel, RouterUnit } from './docker-spec.js';
import type { Inputs } from './inputs.js';
import { asksAuthority, certificateName } from './kept-secrets.js';
import { own } from './own.js';
import { placeOf } from './place.js';
import { configFolder, proxyContainer, proxyUser } from './proxy-container.js';
import { pageFiles, pagePath } from './router-pages.js';

/** nginx's status server, on its container's own loopback. */
export const statusPort = 9998;
/** Where the folder of static files is mounted. */
const rootFolder = '/srv/www';
/** The welcome page that every nginx image brings along. */
const welcomeFolder = '/usr/share/nginx/html';

export function compileRouter(
  stack: string,
  spec: RouterSpec,
  resources: ReadonlyMap<string, ResourceSpec>,
  addresses: AddressPlan,
  inputs: Inputs,
): RouterUnit {
  const { name, root } = spec;
  const configVolume = configVolumeName(stack, name, 'router');
  return {
    kind: 'router',
    resource: name,
    dependsOn: [],
    ...placeOf(addresses, name),
    publishes: spec.publish.length > 0,
    startTimeoutMs: 30_000,
    container: proxyContainer(stack, name, 'router', imageOf(name, inputs), {
      entrypoint: ['nginx'],
      command: ['-c', `${configFolder}/nginx.conf`, '-g', 'daemon off;'],
      stopSignal: 'SIGQUIT',
      stopGraceMs: 10_000,
      configVolume,
      mounts: [
        // For the pid and sockets. Bodies wait on disk: the images' own /var/tmp, which everybody may write to, becomes an
        // anonymous volume.
        { type: 'tmpfs', target: '/tmp', mode: 0o1777, sizeBytes: 16 * 1024 * 1024 },
        { type: 'volume', target: '/var/tmp', readOnly: false },
        ...(root === undefined
          ? []
          : [{ type: 'bind' as const, source: inputs.absolute(root), target: rootFolder, readOnly: true }]),
      ],
      ports: publishedPorts(spec, inputs),
      logging: spec.logging,
      // The folder alone: what is in it is read when a visitor asks for it.
      facts:
        root === undefined
          ? {}
          : boundFacts([{ source: root, target: rootFolder }], inputs, ({ folder }) => ({ folder })),
    }),
    port: spec.tls === undefined ? routerPort : routerTlsPort,
    config: {
      volume: { name: configVolume, labels: baseLabels(stack, name, 'config') },
      files: tlsFiles(spec, inputs),
      contents: pageFiles(spec, inputs),
      targets: spec.routes.flatMap(({ target }) => (target.type === 'resource' ? [target.name] : [])),
      model: routerModel(spec, resources, addresses, inputs),
    },
  };
}

function routerModel(
  spec: RouterSpec,
  resources: ReadonlyMap<string, ResourceSpec>,
  addresses: AddressPlan,
  inputs: Inputs,
): RouterModel {
  const tls = tlsModel(spec, inputs);
  return {
    port: routerPort,
    ...(tls !== undefined && { tls }),
    ...(inputs.acmeThumbprint !== undefined &&
      asksAuthority(spec) && { acmeThumbprint: inputs.acmeThumbprint }),
    serverNames: spec.serverName,
    root: spec.root === undefined ? welcomeFolder : rootFolder,
    maxBodyBytes: spec.maxBodyBytes,
    compress: spec.compress,
    accessLog: spec.accessLog,
    headers: spec.headers,
    trustedProxies: spec.trustedProxies,
    ownNetworks: letsSomeIn(spec) ? ownNetworks(spec.name, addresses) : [],
    errorPages: Object.fromEntries(
      Object.entries(spec.errorPages).map(([status, source]) => [status, pagePath(source, inputs)]),
    ),
    ...maintained(spec, inputs),
    drainTimeoutMs: spec.drainTimeoutMs,
    statusPort,
    routes: spec.routes.map(({ target, auth, maintenance, ...route }) => ({
      ...route,
      ...(auth !== undefined && { auth: { ...auth, users: hashes(auth, inputs) } }),
      ...maintained({ maintenance }, inputs),
      target:
        target.type === 'redirect'
          ? { type: 'redirect', to: target.to, status: target.status }
          : unitTarget(target.name, resources.get(target.name)),
    })),
  };
}

function maintained(
  { maintenance }: { readonly maintenance?: MaintenanceSpec | undefined },
  inputs: Inputs,
): Pick<RouterModel, 'maintenance'> {
  if (maintenance === undefined) return {};
  const { page, ...rest } = maintenance;
  return { maintenance: { ...rest, ...(page !== undefined && { page: pagePath(page, inputs) }) } };
}

/** What no password has: its secret is yet to be generated, and the router told again. */
const noPassword = '$6$none$none';

function hashes({ users }: BasicAuthSpec, inputs: Inputs): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(users).map(([user, password]) => [
      user,
      typeof password === 'string' ? password : (own(inputs.passwords, password.secret) ?? noPassword),
    ]),
  );
}

/** Whether some visitors are let in, or let through, by their addresses. */
function letsSomeIn({ routes, maintenance }: RouterSpec): boolean {
  const excepts = (rule: MaintenanceSpec | undefined): boolean => (rule?.except.length ?? 0) > 0;
  return excepts(maintenance) || routes.some((each) => each.allow.length > 0 || excepts(each.maintenance));
}

/** Subnets of all networks that a resource's container is in. */
function ownNetworks(name: string, { homes, guests, networks }: AddressPlan): readonly string[] {
  const own = new Set([homes[name], ...(guests[name] ?? []).map(({ network }) => network)]);
  return networks.flatMap(({ name: network, subnet }) => (own.has(network) ? [subnet] : [])).sort();
}

function unitTarget(
  name: string,
  resource: ResourceSpec | undefined,
): RouterModel['routes'][number]['target'] {
  if (resource?.kind !== 'pool') {
    const { port = poolPort, keepAlive = false } = resource?.kind === 'app' ? resource : {};
    return { type: 'unit', name, port, pool: false, keepAlive };
  }
  const takesTurns = resource.maxConcurrency !== undefined;
  return {
    type: 'unit',
    name,
    port: poolPort,
    pool: true,
    keepAlive: !takesTurns,
    ...(takesTurns && { turnTimeoutMs: resource.queue.timeoutMs }),
  };
}

/** Where a certificate and its key lie, from the folder of nginx's configuration. */
interface TlsPaths {
  readonly certificate: string;
  readonly key: string;
}

const defaultTls: TlsPaths = { certificate: 'tls/certificate.pem', key: 'tls/key.pem' };

function tlsPaths(host: string): TlsPaths {
  const folder = `tls/${host.replace('*', '_')}`;
  return { certificate: `${folder}/certificate.pem`, key: `${folder}/key.pem` };
}

function tlsFiles({ name, tls }: RouterSpec, inputs: Inputs): readonly PutFile[] {
  if (tls === undefined) return [];
  const pair = (paths: TlsPaths, spec: CertificateSpec, host?: string): readonly PutFile[] => {
    // What is made here is one file that holds both.
    const kept = certificateName(name, host);
    const secrets = spec.type === 'own' ? spec : { certificate: kept, key: kept };
    return [tlsFile(paths.certificate, secrets.certificate, inputs), tlsFile(paths.key, secrets.key, inputs)];
  };
  return [
    ...pair(defaultTls, tls.certificate),
    ...Object.entries(tls.hosts).flatMap(([host, each]) => pair(tlsPaths(host), each, host)),
  ];
}

function tlsFile(path: string, secret: string, inputs: Inputs): PutFile {
  const content = own(inputs.secrets, secret)?.value ?? '';
  return { path, content, mode: 0o400, uid: proxyUser, gid: proxyUser };
}

function tlsModel(spec: RouterSpec, inputs: Inputs): RouterModel['tls'] {
  const { tls } = spec;
  if (tls === undefined) return undefined;
  const published = publishedPorts(spec, inputs);
  // Beside the nginx.conf that names them, so that a new one is checked with its own certificate.
  const paths = ({ certificate, key }: TlsPaths): { certificatePath: string; keyPath: string } => ({
    certificatePath: certificate,
    keyPath: key,
  });
  const { maxAgeSeconds, includeSubDomains, preload } = tls.hsts ?? {};
  return {
    port: routerTlsPort,
    publicPort: published.find(({ containerPort }) => containerPort === routerTlsPort)?.port ?? routerTlsPort,
    ...paths(defaultTls),
    hosts: Object.fromEntries(Object.keys(tls.hosts).map((host) => [host, paths(tlsPaths(host))])),
    redirect: tls.redirect,
    minVersion: tls.minVersion,
    ...(maxAgeSeconds !== undefined && {
      hsts: [
        `max-age=${maxAgeSeconds}`,
        ...(includeSubDomains === true ? ['includeSubDomains'] : []),
        ...(preload === true ? ['preload'] : []),
      ].join('; '),
    }),
  };
}

import {
  poolPort,
  routerPort,
  routerTlsPort,
  type BasicAuthSpec,
  type MaintenanceSpec,
  type ResourceSpec,
  type RouterSpec,
} from '@plumbstack/core';
import { baseLabels } from '../labels.js';
import { configVolumeName } from '../object-names.js';
import type { PutFile } from '../client/docker-client.js';
import type { AddressPlan } from './address-plan.js';
import { imageOf, publishedPorts } from './compile-container.js';
import type { RouterModel, RouterUnit } from './docker-spec.js';
import type { Inputs } from './inputs.js';
import { own } from './own.js';
import { pageFiles, pagePath } from './router-pages.js';
import { configFolder, proxyContainer, proxyUser } from './proxy-container.js';

/** nginx's status server, on its container's own loopback. */
export const statusPort = 9998;
/** From the folder of nginx's configuration. */
const tlsFile = { certificate: 'tls/certificate.pem', key: 'tls/key.pem' } as const;
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
  const configVolume = configVolumeName(stack, name);
  return {
    kind: 'router',
    resource: name,
    dependsOn: [],
    aliases: [name],
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
      ports: publishedPorts(name, spec.publish, inputs),
    }),
    addresses: addresses.addresses[name] ?? [],
    port: spec.tls === undefined ? routerPort : routerTlsPort,
    config: {
      volume: { name: configVolume, labels: baseLabels(stack, name, 'config') },
      files: [...tlsFiles(spec, inputs), ...pageFiles(spec, inputs)],
      targets: spec.routes.flatMap(({ target }) => (target.type === 'resource' ? [target.name] : [])),
      model: routerModel(spec, resources, inputs),
    },
  };
}

function routerModel(
  spec: RouterSpec,
  resources: ReadonlyMap<string, ResourceSpec>,
  inputs: Inputs,
): RouterModel {
  const publicPort = publishedPorts(spec.name, spec.publish, inputs)[0]?.port ?? routerTlsPort;
  return {
    port: routerPort,
    ...(spec.tls !== undefined && {
      tls: {
        port: routerTlsPort,
        publicPort,
        // Beside the nginx.conf that names them, so that a new one is checked with its own certificate.
        certificatePath: tlsFile.certificate,
        keyPath: tlsFile.key,
      },
    }),
    serverNames: spec.serverName,
    root: spec.root === undefined ? welcomeFolder : rootFolder,
    maxBodyBytes: spec.maxBodyBytes,
    compress: spec.compress,
    accessLog: spec.accessLog,
    headers: spec.headers,
    trustedProxies: spec.trustedProxies,
    errorPages: Object.fromEntries(
      Object.entries(spec.errorPages).map(([status, source]) => [status, pagePath(source, inputs)]),
    ),
    ...maintained(spec, inputs),
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

function unitTarget(
  name: string,
  resource: ResourceSpec | undefined,
): RouterModel['routes'][number]['target'] {
  const pool = resource?.kind === 'pool';
  const port = resource?.kind === 'app' ? resource.port : poolPort;
  return { type: 'unit', name, port, pool };
}

function tlsFiles({ tls }: RouterSpec, inputs: Inputs): readonly PutFile[] {
  if (tls === undefined) return [];
  const file = (path: string, secret: string): PutFile => ({
    path,
    content: own(inputs.secrets, secret)?.value ?? '',
    mode: 0o400,
    uid: proxyUser,
    gid: proxyUser,
  });
  return [file(tlsFile.certificate, tls.certificate), file(tlsFile.key, tls.key)];
}

import { createHash, randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { packFiles } from '@plumbstack/docker/client';

/** One image in a registry on loopback, which an engine on this machine pulls from. `login` is asked for where given. */
export class Registry implements AsyncDisposable {
  readonly #server: Server;
  readonly authorizations: (string | undefined)[] = [];
  /** So many requests are still answered with 503. */
  failing = 0;

  /** Of the image's manifest. */
  readonly digest: string;

  private constructor(server: Server, manifest: string) {
    this.#server = server;
    this.digest = manifest;
  }

  static async start(repository: string, tag: string, login?: string): Promise<Registry> {
    // Another layer each time: the engine does not fetch what it has.
    const layer = await buffer(packFiles([{ path: 'id', content: randomUUID(), mode: 0o644 }]));
    const packed = gzipSync(layer);
    const config = Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        config: { Cmd: ['x'] },
        rootfs: { type: 'layers', diff_ids: [digest(layer)] },
        history: [],
      }),
    );
    const type = 'application/vnd.docker.distribution.manifest.v2+json';
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: type,
        config: descriptor('application/vnd.docker.container.image.v1+json', config),
        layers: [descriptor('application/vnd.docker.image.rootfs.diff.tar.gzip', packed)],
      }),
    );
    const known = new Map<string, readonly [string, Buffer]>([
      ['/v2/', ['application/json', Buffer.from('{}')]],
      [`/v2/${repository}/manifests/${tag}`, [type, manifest]],
      [`/v2/${repository}/manifests/${digest(manifest)}`, [type, manifest]],
      [`/v2/${repository}/blobs/${digest(config)}`, ['application/octet-stream', config]],
      [`/v2/${repository}/blobs/${digest(packed)}`, ['application/octet-stream', packed]],
    ]);
    const server = createServer((request, response) => {
      registry.authorizations.push(request.headers.authorization);
      if (registry.failing > 0) {
        registry.failing--;
        response.writeHead(503);
        return void response.end('busy');
      }
      const expected = login === undefined ? undefined : `Basic ${Buffer.from(login).toString('base64')}`;
      if (expected !== undefined && request.headers.authorization !== expected) {
        response.writeHead(401, {
          'WWW-Authenticate': 'Basic realm="test"',
          'Content-Type': 'application/json',
        });
        return void response.end('{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}');
      }
      const found = known.get(request.url ?? '');
      if (found === undefined) {
        response.writeHead(404, { 'Content-Type': 'application/json' });
        return void response.end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}');
      }
      const [contentType, body] = found;
      response.writeHead(200, {
        'Content-Type': contentType,
        'Content-Length': body.length,
        'Docker-Content-Digest': digest(body),
      });
      response.end(request.method === 'HEAD' ? undefined : body);
    });
    const registry = new Registry(server, digest(manifest));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return registry;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function digest(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

function descriptor(mediaType: string, content: Buffer): object {
  return { mediaType, size: content.length, digest: digest(content) };
}

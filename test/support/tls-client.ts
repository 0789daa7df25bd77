import type { X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { connect } from 'node:tls';

/** The certificate that a host is shown. */
export function certificateAt(url: URL, servername = 'localhost'): Promise<X509Certificate> {
  return new Promise((resolve, reject) => {
    const socket = connect(
      { host: url.hostname, port: Number(url.port), servername, rejectUnauthorized: false },
      () => {
        const found = socket.getPeerX509Certificate();
        socket.destroy();
        if (found === undefined) reject(new Error('no certificate'));
        else resolve(found);
      },
    );
    socket.on('error', reject);
  });
}

export interface SecureQuestion {
  readonly ca?: string;
  readonly servername?: string;
  readonly host?: string;
  readonly path?: string;
  readonly rejectUnauthorized?: boolean;
}

/** The status of an answer over HTTPS; rejects where the certificate is not believed. */
export function statusOf(
  url: URL,
  { host = 'localhost', path = '/', ...options }: SecureQuestion,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const asking = request(
      new URL(path, url),
      { agent: false, headers: { host }, ...options },
      (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0));
      },
    );
    asking.on('error', reject).end();
  });
}

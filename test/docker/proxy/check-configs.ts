import { tryDocker, docker, putFiles, type SandboxFile } from '../../support/docker-cli';

/** How the containers of both proxies run: another user, nothing writable but small tmpfs, no capability. */
export const hardened = [
  ...['--user', '65532:65532', '--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
  ...['--tmpfs', '/tmp:mode=1777,size=64m'],
  ...['--volume', '/etc/plumbstack', '--volume', '/var/tmp'],
];

const checkers = {
  nginx: { image: 'nginx:1.30', program: 'nginx -t -q -c "$each/nginx.conf"' },
  haproxy: { image: 'haproxy:3.2', program: 'haproxy -c -q -f "$each/haproxy.cfg"' },
};

/**
 * What the real proxy says of configurations, all in one container: complaints by the configuration's name, none where
 * it accepts. Warnings count as complaints.
 */
export async function complaints(
  proxy: keyof typeof checkers,
  configurations: Readonly<Record<string, readonly SandboxFile[]>>,
  more: readonly SandboxFile[] = [],
): Promise<Readonly<Record<string, string>>> {
  const { image, program } = checkers[proxy];
  const script = `for each in /etc/plumbstack/check/*; do
  said=$(${program} 2>&1) && [ -z "$said" ] || printf '%s\\t%s\\n' "\${each##*/}" "$(printf '%s' "$said" | tr '\\n\\t' '  ')"
done`;
  const container = await docker(
    'create',
    '--network',
    'none',
    ...hardened,
    '--entrypoint',
    'bash',
    image,
    '-c',
    script,
  );
  try {
    const files = Object.entries(configurations).flatMap(([name, each]) =>
      each.map(({ path, content }) => ({ path: `check/${name}/${path}`, content })),
    );
    await putFiles(container, '/etc/plumbstack', [...files, ...more]);
    const output = await docker('start', '--attach', container);
    return Object.fromEntries(
      output
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.split('\t') as [string, string]),
    );
  } finally {
    await tryDocker('rm', '--force', '--volumes', container);
  }
}

/** A certificate for a host and its key, for this run only, as the files that a router has them in. */
export async function certificate(host = 'example.org'): Promise<readonly [SandboxFile, SandboxFile]> {
  const request =
    'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" -addext "subjectAltName=DNS:$1" -days 2 -keyout /tmp/key.pem -out /tmp/certificate.pem 2>/dev/null && cat /tmp/certificate.pem /tmp/key.pem';
  const output = await docker(
    'run',
    '--rm',
    '--network',
    'none',
    '--entrypoint',
    'bash',
    'nginx:1.30',
    '-c',
    request,
    'bash',
    host,
  );
  const end = output.indexOf('-----BEGIN PRIVATE KEY');
  return [
    { path: 'tls/certificate.pem', content: `${output.slice(0, end)}` },
    { path: 'tls/key.pem', content: `${output.slice(end)}\n` },
  ];
}

import { PlumbstackError } from '@plumbstack/core';
import { configFolder } from '../compile/proxy-container.js';
import { differingFiles, type ProxyFiles } from '../plan/proxy-files.js';
import { contentsFolder, isRead, recordFile, recordIn } from '../plan/record.js';
import { readConfig } from '../observe/read-config.js';
import { pollUntil } from './deadline.js';
import { loadContent, loadFiles } from './load-content.js';
import { patiently } from './patient-exec.js';
import { declaredPathOf, type RunContext } from './run-context.js';
import { sweepConfig } from './sweep-config.js';

/** How a proxy is told to take a configuration. */
export interface ProxyCommands {
  /** Argument list that checks the configuration in a folder. */
  readonly validate: (folder: string) => readonly string[];
  /** One that does not run reads its configuration when it starts. */
  readonly reload: (container: string) => Promise<void>;
  /** The revision that answers requests now; nothing while none does. */
  readonly revision: (container: string) => Promise<string | undefined>;
}

/** Where a configuration lies until the proxy itself has accepted it. */
const nextFolder = 'next';

/**
 * Gives a running proxy its configuration: beside the old one, accepted by the proxy's own check, swapped, reloaded, and
 * in force before this returns. A refused one changes nothing. Says whether anything had to be reloaded.
 */
export async function applyConfig(
  context: RunContext,
  resource: string,
  container: string,
  wanted: ProxyFiles,
  commands: ProxyCommands,
): Promise<boolean> {
  const { client, call } = context;
  const seen = await putContents(context, container, wanted);
  const differing = differingFiles(wanted.files, seen);
  const needsReload = differing.some((path) => path !== recordFile);
  if (needsReload) {
    await client.putFiles(
      container,
      configFolder,
      wanted.files.map((each) => ({ ...each, path: `${nextFolder}/${each.path}` })),
      call,
    );
    await validate(context, resource, container, commands.validate(`${configFolder}/${nextFolder}`));
  }
  if (differing.length > 0) await client.putFiles(container, configFolder, wanted.files, call);
  if (!needsReload && (await commands.revision(container)) === wanted.revision) return false;
  await commands.reload(container);
  await inForce(context, resource, container, wanted.revision, commands);
  const before = recordIn(seen)?.contents;
  // As long as nginx has processes of before the reload, they read the pages and passwords of the version before.
  if (before?.every((path) => wanted.named.includes(path)) !== true)
    await sweepConfig(context, container, wanted.named, before);
  return true;
}

type Seen = ReadonlyMap<string, Buffer> | undefined;

/** Puts what the configuration, or the record, names before either names it. Resolves to what is there. */
async function putContents(
  { client, call }: RunContext,
  container: string,
  { files, contents }: ProxyFiles,
): Promise<Seen> {
  const parts = new Set(files.filter(({ path }) => isRead(path)).map(({ path }) => path.split('/')[0] ?? ''));
  const found = await readConfig(client, container, [...parts], call);
  // What cannot be read is made anew.
  const seen = typeof found === 'string' ? undefined : found;
  const there = new Set(recordIn(seen)?.contents);
  const missing = contents.filter(({ path }) => !there.has(path));
  if (missing.length === 0) return seen;
  const folder = { path: contentsFolder, type: 'folder', mode: 0o700, content: '' } as const;
  const needsFolder = missing.some(({ path }) => path.startsWith(`${contentsFolder}/`));
  const loaded = await loadFiles(missing, loadContent);
  await client.putFiles(container, configFolder, [...(needsFolder ? [folder] : []), ...loaded], call);
  return seen;
}

/** Puts the first configuration in, before the proxy starts. */
export async function putConfig(context: RunContext, container: string, wanted: ProxyFiles): Promise<void> {
  await putContents(context, container, wanted);
  await context.client.putFiles(container, configFolder, wanted.files, context.call);
}

async function validate(
  context: RunContext,
  resource: string,
  container: string,
  command: readonly string[],
): Promise<void> {
  const client = patiently(context.client);
  const { exitCode, stdout, stderr } = await client.exec(container, command, context.call);
  if (exitCode === 0) return;
  const hide = await context.censor();
  const words = hide(`${stdout}${stderr}`.trim());
  throw new PlumbstackError(
    'CONFIG_REJECTED',
    `the proxy refuses its new configuration and keeps the old one. It says:\n${words}`,
    {
      resource: declaredPathOf(context, resource),
      details: { words, exitCode },
      hint: 'If you have set its image, it may be older than the configuration needs: nginx 1.29.7 and HAProxy 3.1 are the oldest.',
    },
  );
}

async function inForce(
  context: RunContext,
  resource: string,
  container: string,
  revision: string,
  commands: ProxyCommands,
): Promise<void> {
  const found = await pollUntil(
    async () => ((await commands.revision(container)) === revision ? true : undefined),
    {
      ...{ signal: context.signal, timeoutMs: 15_000, intervalMs: 20 },
      waitedFor: () => `the proxy of ${declaredPathOf(context, resource)} to serve its new configuration`,
    },
  );
  if (found === true) return;
  throw new PlumbstackError(
    'CONFIG_REJECTED',
    'the proxy accepted its new configuration, but does not serve it after 15 s.',
    {
      resource: declaredPathOf(context, resource),
      details: { revision },
      hint: 'The old one keeps serving. Look at the log of its container.',
    },
  );
}

/** Compiled by `tsc -p test`, never run: what a program may write of the verbs, and what it must not compile. */
import {
  PlumbstackError,
  isPlumbstackError,
  type Deployment,
  type Plan,
  type Runtime,
  type Stack,
} from '@plumbstack/core';

declare const runtime: Runtime;
declare const stack: Stack;

export async function compiles(signal: AbortSignal): Promise<void> {
  await using deployment = await runtime.up(stack, {
    signal,
    timeoutMs: 60_000,
    confirm: (plan) => !plan.isEmpty,
  });
  const plan: Plan = await runtime.plan(stack);
  await using again: Deployment = await runtime.up(stack, { plan });
  const [app] = stack.resources;
  const href: string = deployment.endpoint(app ?? 'web').href;
  await deployment.scale('workers', 3);
  const [newest, ...older] = await deployment.versions('workers', { signal });
  if (newest?.isCurrent === true) void [newest.digest, newest.source, newest.image, newest.at ?? newest.by];
  for (const to of older) await deployment.rollback('workers', { to, timeoutMs: 60_000 });
  await deployment.rollback('workers', { to: '0123456789ab' });
  for await (const { text, stream } of deployment.logs('web', { follow: true, signal })) void [text, stream];
  const { exitCode } = await deployment.exec('web', ['nginx', '-t']);
  await runtime.down('s', { volumes: true });
  await (await runtime.attach('s')).down();
  void [href, exitCode, again];
}

export function codes(error: unknown): void {
  if (isPlumbstackError(error, 'PORT_IN_USE')) void [error.code, error.hint, error.details['port']];
  // @ts-expect-error -- no such code
  isPlumbstackError(error, 'PORT_TAKEN');
  // @ts-expect-error -- no such code
  new PlumbstackError('OOPS', 'x');
  // @ts-expect-error -- it is unknown until it was asked
  void error.code;
}

export async function doesNotCompile(): Promise<void> {
  // @ts-expect-error -- a deployment is AsyncDisposable, not Disposable
  using sync = await runtime.up(stack);
  // @ts-expect-error -- a runtime is not disposed
  await using disposed = runtime;
  const deployment = await runtime.up(stack);
  // @ts-expect-error -- a command is a list of arguments, never a shell line
  await deployment.exec('web', 'nginx -t');
  // @ts-expect-error -- how many is a number
  await deployment.scale('workers', '3');
  // @ts-expect-error -- one version, not how many back
  await deployment.rollback('workers', { to: 1 });
  // @ts-expect-error -- up takes a stack, and only down its name
  await runtime.up('s');
  // @ts-expect-error -- no such option
  await runtime.up(stack, { timeout: 5 });
  // @ts-expect-error -- a plan is read-only
  (await runtime.plan(stack)).steps.push();
  // @ts-expect-error -- the verbs return promises
  runtime.plan(stack).isEmpty satisfies boolean;
  void [sync, disposed];
}

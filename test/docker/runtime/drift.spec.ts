import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Stack, StackStatus } from '@plumbstack/core';
import type { LifecycleDeployment } from '@plumbstack/events';
import { docker, putFiles, tryDocker } from '../../support/docker-cli';
import { anonymousVolume, leftovers } from '../../support/left-behind';
import { eventually, Lab } from '../../support/lab';
import { assertSameState, settledState } from '../../support/settled-state';
import { assertServes, smallStack } from '../../faults/small-stack';

interface Drift {
  readonly what: string;
  /** Done with the `docker` program, to the stack of that name. */
  readonly harm: (stack: string) => Promise<unknown>;
  /** What the plan says of it. */
  readonly reason: RegExp;
  /** Resource that the status calls unhealthy; none where visitors notice nothing. */
  readonly unhealthy?: string;
}

async function removeContainers(...names: readonly string[]): Promise<void> {
  await docker('rm', '--force', ...names);
}

/** Changes files in a proxy's configuration volume, past every right that the proxy itself has. */
async function inVolume(volume: string, ...command: readonly string[]): Promise<void> {
  await docker('run', '--rm', '--volume', `${volume}:/config`, 'debian:forky-slim', ...command);
}

async function removeNetwork(network: string, ...containers: readonly string[]): Promise<void> {
  for (const name of containers) await docker('network', 'disconnect', '--force', network, name);
  await docker('network', 'rm', network);
}

const drifts: readonly Drift[] = [
  {
    what: 'an app that was stopped',
    harm: (stack) => docker('stop', `${stack}-single`),
    reason: /update +app .*\/single\n +state: exited -> running/,
    unhealthy: 'single',
  },
  {
    what: 'an app that was killed',
    harm: (stack) => docker('kill', `${stack}-single`),
    reason: /update +app .*\/single\n +state: exited -> running/,
    unhealthy: 'single',
  },
  {
    what: 'an app that was paused',
    harm: (stack) => docker('pause', `${stack}-single`),
    reason: /update +app .*\/single\n +state: paused -> running/,
    unhealthy: 'single',
  },
  {
    what: 'an app that was removed',
    harm: (stack) => removeContainers(`${stack}-single`),
    reason: /create +app .*\/single/,
    unhealthy: 'single',
  },
  {
    what: 'an app that was renamed',
    harm: (stack) => docker('rename', `${stack}-single`, `${stack}-other`),
    reason: /update +app .*\/single\n +container: \S+-other -> \S+-single/,
  },
  {
    what: 'an app that was taken off the network',
    harm: (stack) => docker('network', 'disconnect', `${stack}_single`, `${stack}-single`),
    reason: /update +app .*\/single\n +network: disconnected -> \S+_single/,
    unhealthy: 'single',
  },
  {
    what: 'an app that was put into the network of its neighbours',
    harm: (stack) => docker('network', 'connect', `${stack}_workers.pool`, `${stack}-single`),
    reason: /update +app .*\/single\n +network: \S+_workers\.pool -> disconnected/,
  },
  {
    what: 'an app that was removed with its volume',
    harm: async (stack) => {
      await removeContainers(`${stack}-single`);
      await docker('volume', 'rm', `${stack}-data`);
    },
    reason: /create +volume .*\/data\n.*create +app .*\/single/s,
    unhealthy: 'single',
  },
  {
    what: "a pool's network that was removed",
    harm: (stack) => {
      const members = ['web', 'workers', 'workers-1', 'workers-2'].map((each) => `${stack}-${each}`);
      return removeNetwork(`${stack}_workers.pool`, ...members);
    },
    reason:
      /create +network \S+_workers\.pool\n.*workers-1\.network: disconnected.*router .*web\n +network: disconnected/s,
    unhealthy: 'workers',
  },
  {
    what: "the routers' network that was removed",
    harm: (stack) => removeNetwork(stack, `${stack}-web`),
    reason: /create +network .*\/web\n +network: disconnected/s,
    unhealthy: 'web',
  },
  {
    what: 'a network that was removed, while somebody else took its addresses',
    harm: async (stack) => {
      const subnet = await docker(
        'network',
        'inspect',
        '--format',
        '{{(index .IPAM.Config 0).Subnet}}',
        `${stack}_single`,
      );
      await removeNetwork(`${stack}_single`, `${stack}-single`, `${stack}-web`);
      await docker('network', 'create', '--subnet', subnet, `ft-${stack}`);
    },
    reason: /create +network/,
    unhealthy: 'single',
  },
  {
    what: 'a worker that was stopped',
    harm: (stack) => docker('stop', `${stack}-workers-1`),
    reason: /workers-1\.state: exited -> running/,
    unhealthy: 'workers',
  },
  {
    what: 'a worker that was paused',
    harm: (stack) => docker('pause', `${stack}-workers-1`),
    reason: /workers-1\.state: paused -> running/,
    unhealthy: 'workers',
  },
  {
    what: 'a worker that was removed',
    harm: (stack) => removeContainers(`${stack}-workers-1`),
    reason: /replicas: 1 -> 2/,
    unhealthy: 'workers',
  },
  {
    what: 'a worker that was renamed',
    harm: (stack) => docker('rename', `${stack}-workers-1`, `${stack}-other`),
    reason: /\S+-other\.container: \S+-other -> \S+-workers-1/,
  },
  {
    what: 'a worker that was taken off the network',
    harm: (stack) => docker('network', 'disconnect', `${stack}_workers.pool`, `${stack}-workers-1`),
    reason: /workers-1\.network: disconnected -> /,
    unhealthy: 'workers',
  },
  {
    what: 'all workers that were removed',
    harm: (stack) => removeContainers(`${stack}-workers-1`, `${stack}-workers-2`),
    reason: /replicas: 0 -> 2/,
    unhealthy: 'workers',
  },
  {
    what: 'a HAProxy that was stopped',
    harm: (stack) => docker('stop', '--time', '1', `${stack}-workers`),
    reason: /haproxy\.state: exited -> running/,
    unhealthy: 'workers',
  },
  {
    what: 'a HAProxy that was removed',
    harm: (stack) => removeContainers(`${stack}-workers`),
    reason: /haproxy: missing -> created/,
    unhealthy: 'workers',
  },
  {
    what: 'a pool that was removed, HAProxy, workers and all',
    harm: async (stack) => {
      await removeContainers(`${stack}-workers`, `${stack}-workers-1`, `${stack}-workers-2`);
      await docker('volume', 'rm', `${stack}-workers.balancer`);
    },
    reason: /create +pool .*\/workers/,
    unhealthy: 'workers',
  },
  {
    what: 'a router that was removed',
    harm: (stack) => removeContainers(`${stack}-web`),
    reason: /create +router .*\/web/,
    unhealthy: 'web',
  },
  {
    what: 'a router that was taken off the network',
    harm: (stack) => docker('network', 'disconnect', stack, `${stack}-web`),
    reason: /update +router .*\/web\n +network: disconnected -> /,
    unhealthy: 'web',
  },
  {
    what: "a router that was taken off an app's network",
    harm: (stack) => docker('network', 'disconnect', `${stack}_single`, `${stack}-web`),
    reason: /update +router .*\/web\n +network: disconnected -> \S+_single/,
    unhealthy: 'web',
  },
  {
    what: "a router's configuration that was edited",
    harm: (stack) =>
      putFiles(`${stack}-web`, '/etc/plumbstack', [{ path: 'nginx.conf', content: '# nothing' }]),
    reason: /update +router .*\/web .*reloaded.*\n +file nginx\.conf: another content -> as described/,
  },
  {
    what: "a router's configuration that was deleted",
    harm: (stack) => inVolume(`${stack}-web.router`, 'rm', '/config/nginx.conf'),
    reason: /update +router .*\/web .*reloaded.*\n +file nginx\.conf: missing -> as described/,
  },
  {
    what: 'a router that crashes for want of its configuration',
    harm: async (stack) => {
      await inVolume(`${stack}-web.router`, 'rm', '/config/nginx.conf');
      await docker('restart', '--time', '1', `${stack}-web`);
    },
    reason: /update +router .*\/web .*reloaded.*\n +file nginx\.conf: missing -> as described/,
    unhealthy: 'web',
  },
  {
    what: 'a stopped router whose configuration is broken',
    harm: async (stack) => {
      await docker('stop', '--time', '1', `${stack}-web`);
      await putFiles(`${stack}-web`, '/etc/plumbstack', [
        { path: 'nginx.conf', content: 'no nginx knows this' },
      ]);
    },
    reason:
      /update +router .*\/web .*reloaded.*\n +file nginx\.conf: another content -> as described\n +state: exited -> running/,
    unhealthy: 'web',
  },
  {
    what: "a HAProxy's configuration that was edited",
    harm: (stack) =>
      putFiles(`${stack}-workers`, '/etc/plumbstack', [{ path: 'haproxy.cfg', content: '# nothing' }]),
    reason: /update +pool .*\/workers\n +file haproxy\.cfg: another content -> as described/,
  },
  {
    what: "a HAProxy's configuration that was deleted, with its record",
    harm: (stack) =>
      inVolume(`${stack}-workers.balancer`, 'rm', '/config/haproxy.cfg', '/config/record.json'),
    reason: /update +pool .*\/workers\n +file haproxy\.cfg: missing -> as described/,
  },
  {
    what: 'a HAProxy that crashes for want of its configuration',
    harm: async (stack) => {
      await inVolume(`${stack}-workers.balancer`, 'rm', '/config/haproxy.cfg');
      await docker('restart', '--time', '1', `${stack}-workers`);
    },
    reason: /update +pool .*\/workers\n.*file haproxy\.cfg: missing -> as described/s,
    unhealthy: 'workers',
  },
  {
    what: "a secret's keeper that was removed",
    harm: (stack) => removeContainers(`${stack}-token.secret`),
    reason: /update +secret .*\/token/,
  },
];

function unhealthyIn({ stack, resources }: StackStatus): readonly string[] {
  return resources
    .filter(({ desired, healthy }) => healthy < desired)
    .map(({ resource }) => resource.slice(stack.length + 1));
}

describe('what somebody else has done to a stack', function () {
  this.timeout(240_000);
  const lab = new Lab();
  let stack: Stack;
  let deployment: LifecycleDeployment;

  before(() => {
    stack = smallStack(lab.stack().name);
  });
  beforeEach(async () => {
    deployment = await lab.runtime.up(stack);
  });
  // A drift that was not mended shall not spoil the next test.
  afterEach(async function () {
    if (this.currentTest?.isFailed() === true) await lab.runtime.down(stack, { volumes: true });
  });
  after(async () => {
    await tryDocker('network', 'rm', `ft-${stack.name}`);
    await lab.clear();
    await lab.runtime[Symbol.asyncDispose]();
  });

  for (const { what, harm, reason, unhealthy } of drifts) {
    it(`is seen and mended: ${what}`, async () => {
      const before = await settledState(stack.name);
      await harm(stack.name);
      if (unhealthy !== undefined) {
        // One look: what crashes again and again is well for moments.
        const seen = await eventually(
          `the status says that ${unhealthy} is not well`,
          async () => {
            const status = await deployment.status();
            return unhealthyIn(status).includes(unhealthy) ? status : undefined;
          },
          10_000,
        );
        assert.equal(seen.healthy, false);
      }
      assert.match((await lab.runtime.plan(stack)).toString(), reason);
      const mended = await lab.runtime.up(stack);
      await assertServes(mended.endpoint('web'), '1');
      assert.deepEqual(unhealthyIn(await mended.status()), []);
      assertSameState(await settledState(stack.name), before);
      const again = await lab.runtime.plan(stack);
      assert.ok(again.isEmpty, again.toString());
    });
  }
});

describe('a stack whose router somebody has removed', function () {
  this.timeout(120_000);
  const lab = new Lab();
  after(() => lab.clear());

  it('is taken down with the anonymous volume that the router had', async () => {
    const { name } = lab.stack();
    await lab.runtime.up(smallStack(name));
    await removeContainers(`${name}-web`);
    assert.ok((await leftovers(name)).includes(anonymousVolume));
    await lab.runtime.down(name, { volumes: true });
    assert.deepEqual(await leftovers(name), []);
  });
});

describe('an image whose tag means another one now', function () {
  this.timeout(120_000);
  const lab = new Lab();
  const tag = `ft-drift-${randomBytes(3).toString('hex')}:1`;
  afterEach(async () => {
    await lab.clear();
    await tryDocker('rmi', '--force', tag);
  });

  it('is seen, and its app is replaced', async () => {
    const { name } = lab.stack();
    const describeStack = (): Stack => {
      const stack = smallStack(name);
      stack.app('tagged', { image: tag, command: ['sleep', 'infinity'], health: { command: ['true'] } });
      return stack;
    };
    await docker('tag', 'debian:forky-slim', tag);
    await lab.runtime.up(describeStack());
    await docker('tag', 'node:24-slim', tag);
    const plan = await lab.runtime.plan(describeStack());
    assert.match(plan.toString(), /replace +app \S+\/tagged .*\n +image\.id: sha256:\w+ -> sha256:\w+/);
    await lab.runtime.up(describeStack());
    const [image, wanted] = await Promise.all([
      docker('inspect', '--format', '{{.Image}}', `${name}-tagged`),
      docker('image', 'inspect', '--format', '{{.Id}}', tag),
    ]);
    assert.equal(image, wanted);
    assert.ok((await lab.runtime.plan(describeStack())).isEmpty);
  });
});

import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import type { NginxRoute } from '@plumbstack/docker/proxy';
import { Sandbox, until } from '../../support/docker-cli';
import { anySubnet, hostOf } from '../../support/free-subnet';
import { ask, startApp, startNginx, type Answer, type RunningProxy } from './proxy-lab';
import { sampleNginx, sampleRoute, upstream } from './sample-models';

type Target = Extract<NginxRoute['target'], { type: 'upstream' }>;

const subnet = anySubnet();
const server = `${hostOf(subnet, 11)}:8000`;

/** All lead to the same app, under names of their own. */
function target(name: string, more: Partial<Target>): Target {
  return { ...(upstream(name, server) as Target), ...more };
}

describe('nginx and what is behind it', function () {
  this.timeout(120_000);
  let sandbox: Sandbox;
  let nginx: RunningProxy;

  before(async () => {
    sandbox = await Sandbox.create('px-behind', subnet);
    await startApp(sandbox, 'app', hostOf(subnet, 11));
    nginx = await startNginx(
      sandbox,
      sampleNginx({
        routes: [
          sampleRoute('/turn-1000/', target('turn-1000', { pool: true, turnTimeoutMs: 1000 })),
          sampleRoute('/turn-1500/', target('turn-1500', { pool: true, turnTimeoutMs: 1500 })),
          sampleRoute('/turn-30000/', target('turn-30000', { pool: true, turnTimeoutMs: 30_000 })),
          sampleRoute('/no-turn/', target('no-turn', { pool: true })),
          sampleRoute('/new/', target('new', {})),
          sampleRoute('/kept/', target('kept', { keepAlive: true })),
          sampleRoute('/pool/', target('pool', { pool: true, keepAlive: true })),
        ],
      }),
    );
  });
  after(() => sandbox?.[Symbol.asyncDispose]());

  describe('a pool that hangs up', () => {
    const hangUp = (route: string, query: string, method: string): Promise<Answer> =>
      ask({
        port: nginx.port(8080),
        path: `/${route}/hang-up?${query}`,
        method,
        ...(method === 'POST' && { body: 'x' }),
      });

    for (const method of ['GET', 'POST']) {
      for (const [route, afterMs] of [
        ['turn-1000', 1050],
        ['turn-1500', 1600],
      ] as const) {
        it(`${afterMs} ms after a ${method} that was to wait so long (${route}) had no worker free: 503, come back later`, async () => {
          const answer = await hangUp(route, `ms=${afterMs}`, method);
          assert.equal(answer.status, 503);
          assert.equal(answer.headers['retry-after'], '5');
          assert.equal(answer.headers['cache-control'], 'no-store');
        });
      }

      it(`at another time may have carried a ${method} out: 502`, async () => {
        for (const [route, query] of [
          ['turn-30000', 'ms=0'],
          ['turn-30000', 'ms=1050'],
          ['turn-1000', 'ms=3050'],
          ['no-turn', 'ms=1050'],
          // It has begun to answer.
          ['turn-1000', 'ms=1050&begin=HTTP/1.1%20200%20OK%0d%0aX-'],
        ] as const) {
          const answer = await hangUp(route, query, method);
          assert.equal(answer.status, 502, `${route} ${query}`);
          assert.equal(answer.headers['retry-after'], undefined);
        }
      });
    }
  });

  describe('a connection to an app', () => {
    /** Which connections to the app requests came over, one after the other, all through one process of nginx. */
    async function connections(route: string, methods: readonly string[]): Promise<readonly string[]> {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      try {
        const seen: string[] = [];
        for (const method of methods) {
          const { headers } = await ask({ port: nginx.port(8080), path: `/${route}/`, method, agent });
          seen.push(String(headers['x-connection']));
        }
        return seen;
      } finally {
        agent.destroy();
      }
    }

    it('carries one request, unless the app says that it may carry more', async () => {
      const methods = ['GET', 'GET', 'POST', 'HEAD', 'GET'];
      assert.equal(new Set(await connections('new', methods)).size, methods.length);
    });

    it('carries one request after the other where it may', async () => {
      // nginx gives it up when it was idle for a second.
      await until('all come over one', async () => {
        const seen = await connections('kept', ['GET', 'GET', 'POST', 'OPTIONS', 'GET']);
        return new Set(seen).size === 1;
      });
    });

    it('that carried HEAD carries nothing else, since some apps answer it with a body', async () => {
      const [first, head, second, another] = await connections('kept', ['GET', 'HEAD', 'GET', 'HEAD']);
      assert.equal(new Set([first, head, another]).size, 3);
      assert.equal(new Set([second, head, another]).size, 3);
    });

    it('of a pool carries HEAD too, since its HAProxy answers that rightly', async () => {
      await until('all come over one', async () => {
        const seen = await connections('pool', ['GET', 'HEAD', 'GET', 'HEAD']);
        return new Set(seen).size === 1;
      });
    });
  });
});

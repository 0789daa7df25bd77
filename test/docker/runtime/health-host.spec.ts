import assert from 'node:assert/strict';
import { request } from 'node:http';
import { isPlumbstackError, type AppOptions, type Stack } from '@plumbstack/core';
import { Lab } from '../../support/lab';

// As Django and Rails do: whoever asks for a host that is not its own is refused.
const server = `
const app = require('node:http').createServer((request, response) => {
  response.statusCode = request.headers.host === 'api.example.org' ? 200 : 400;
  response.end(String(response.statusCode));
});
app.listen(8000);
process.on('SIGTERM', () => app.close(() => process.exit(0)));
`;

function strictApp(more: AppOptions = {}): AppOptions {
  return {
    image: 'node:24-slim',
    command: ['node', '-e', server],
    health: { http: '/up', intervalMs: 200 },
    ...more,
  };
}

/** What a visitor of a host is answered. */
function statusFor(url: URL, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers: { host }, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.on('error', reject);
    asked.end();
  });
}

describe('an app that answers for its own host alone', function () {
  this.timeout(120_000);
  const lab = new Lab();
  afterEach(() => lab.clear());

  const publish = { port: 0, host: '127.0.0.1' };

  const kinds: Readonly<Record<string, (stack: Stack, app: AppOptions) => void>> = {
    app: (stack, app) => {
      const router = stack.router('web', { publish, serverName: 'api.example.org' });
      router.route('/', stack.app('api', app));
    },
    pool: (stack, app) => {
      const router = stack.router('web', { publish, serverName: 'api.example.org' });
      router.route('/', stack.pool('api', { app: stack.app('worker', app), replicas: 2 }));
    },
  };

  for (const [kind, declare] of Object.entries(kinds)) {
    it(`is healthy behind a router of that name, to whoever attaches too: ${kind}`, async () => {
      const stack = lab.stack();
      declare(stack, strictApp());
      const deployment = await lab.runtime.up(stack);
      assert.equal(await statusFor(deployment.endpoint('web'), 'api.example.org'), 200);
      for (const each of [deployment, await new Lab().runtime.attach(stack.name)]) {
        const { healthy, resources } = await each.status();
        const states = resources
          .filter(({ resource }) => resource === `${stack.name}/api`)
          .flatMap(({ containers }) => containers.map(({ health }) => health));
        assert.equal(healthy, true, JSON.stringify(resources));
        assert.ok(states.length > 0 && !states.includes('unhealthy'), states.join());
      }
      assert.equal((await lab.runtime.plan(stack)).isEmpty, true);
    });
  }

  it('is healthy without a router where its check names the host', async () => {
    const stack = lab.stack();
    stack.app('api', strictApp({ health: { http: '/up', host: 'api.example.org', intervalMs: 200 } }));
    const deployment = await lab.runtime.up(stack);
    assert.equal((await deployment.status()).healthy, true);
    assert.equal((await (await new Lab().runtime.attach(stack.name)).status()).healthy, true);
  });

  it('is not healthy where nobody says which host that is', async () => {
    const stack = lab.stack();
    stack.app('api', strictApp({ startTimeoutMs: 3000 }));
    await assert.rejects(lab.runtime.up(stack), (error) => isPlumbstackError(error, 'UNHEALTHY'));
  });
});

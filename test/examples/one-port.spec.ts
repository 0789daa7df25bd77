import assert from 'node:assert/strict';
import { DockerRuntime } from '@plumbstack/docker';
import { get } from './run-example';
import { RunningExample } from './running-example';

describe('example 02-one-port', function () {
  this.timeout(300_000);
  const example = new RunningExample('02-one-port');

  it('prints where each app answers', async () => {
    const urls = example.printed.match(/http:\S+/g) ?? [];
    assert.equal(urls.length, 3);
    for (const url of urls) assert.equal((await get(url)).status, 200, url);
  });

  it('each prefix leads to its app', async () => {
    assert.equal((await get(`${example.url()}/app1/stations`)).body, '["harbour","airport","summit"]');
    assert.match((await get(`${example.url()}/app2/length?metres=1`)).body, /"feet":3\.281/);
    assert.equal((await get(`${example.url()}/app1/length?metres=1`)).status, 404);
  });

  it("what no route matches shows nginx's own page", async () => {
    const { status, body } = await get(`${example.url()}/`);
    assert.equal(status, 200);
    assert.match(body, /Welcome to nginx/);
  });

  it('a prefix without its slash leads to the one with it', async () => {
    const { status, location } = await get(`${example.url()}/app1`);
    assert.equal(status, 308);
    assert.match(location ?? '', /\/app1\/$/);
  });

  it("Swagger's page works below the prefix, and describes the public path", async () => {
    assert.match((await get(`${example.url()}/app2/__docs__/`)).body, /<title>Swagger UI<\/title>/);
    assert.equal((await get(`${example.url()}/app2/__docs__/swagger-ui.css`)).status, 200);
    const { servers } = JSON.parse((await get(`${example.url()}/app2/openapi.json`)).body) as {
      servers: unknown;
    };
    assert.deepEqual(servers, [{ url: '/app2' }]);
  });

  it('only the router publishes a port', async () => {
    const deployment = await new DockerRuntime().attach(example.stack);
    const { resources } = await deployment.status();
    const published = resources.filter(({ endpoints }) => endpoints.length > 0).map(({ kind }) => kind);
    assert.deepEqual(published, ['router']);
  });
});

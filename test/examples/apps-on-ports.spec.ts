import assert from 'node:assert/strict';
import { Example, freePort, get, isClosed } from './run-example';

describe('example 01-apps-on-ports', function () {
  this.timeout(300_000);
  let example: Example;
  let app1: string;
  let app2: string;
  let printed: string;

  before(async () => {
    [app1, app2] = [await freePort(), await freePort()];
    example = new Example('01-apps-on-ports', { APP1_PORT: app1, APP2_PORT: app2 });
    const { exitCode, stdout, stderr } = await example.up();
    assert.equal(exitCode, 0, stderr);
    printed = stdout;
  });

  after(async () => {
    const { exitCode, stderr } = await example.down();
    assert.equal(exitCode, 0, stderr);
    assert.ok(await isClosed(app1), 'app1 still answers');
    assert.ok(await isClosed(app2), 'app2 still answers');
  });

  it('prints where each app answers', async () => {
    const urls = printed.match(/http:\S+/g) ?? [];
    assert.deepEqual(urls, [
      `http://127.0.0.1:${app1}/stations`,
      `http://127.0.0.1:${app2}/temperature?celsius=21`,
    ]);
    for (const url of urls) assert.equal((await get(url)).status, 200, url);
  });

  it('the app with a Dockerfile reads the mounted data', async () => {
    const { status, body } = await get(`http://127.0.0.1:${app1}/stations/summit`);
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(body), { station: 'summit', lowest: -4.1, mean: -0.8, highest: 3.1 });
  });

  it('the app with a Dockerfile draws a chart', async () => {
    const { status, type } = await get(`http://127.0.0.1:${app1}/chart`);
    assert.deepEqual({ status, type }, { status: 200, type: 'image/png' });
  });

  it('the app of one file computes', async () => {
    const { body } = await get(`http://127.0.0.1:${app2}/temperature?celsius=100`);
    assert.deepEqual(JSON.parse(body), { celsius: 100, fahrenheit: 212, kelvin: 373.15 });
  });

  it("both apps show Swagger's page", async () => {
    for (const port of [app1, app2]) {
      const { status, body } = await get(`http://127.0.0.1:${port}/__docs__/`);
      assert.equal(status, 200);
      assert.match(body, /<title>Swagger UI<\/title>/);
    }
  });
});

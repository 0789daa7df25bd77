import assert from 'node:assert/strict';
import { get } from './run-example';
import { RunningExample } from './running-example';

describe('example 01-apps-on-ports', function () {
  this.timeout(300_000);
  const example = new RunningExample('01-apps-on-ports', ['APP1_PORT', 'APP2_PORT']);

  it('prints where each app answers', async () => {
    const urls = example.printed.match(/http:\S+/g) ?? [];
    assert.deepEqual(urls, [
      `${example.url('APP1_PORT')}/stations`,
      `${example.url('APP2_PORT')}/temperature?celsius=21`,
    ]);
    for (const url of urls) assert.equal((await get(url)).status, 200, url);
  });

  it('the app with a Dockerfile reads the mounted data', async () => {
    const { status, body } = await get(`${example.url('APP1_PORT')}/stations/summit`);
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(body), { station: 'summit', lowest: -4.1, mean: -0.8, highest: 3.1 });
  });

  it('the app with a Dockerfile draws a chart', async () => {
    const { status, type } = await get(`${example.url('APP1_PORT')}/chart`);
    assert.deepEqual({ status, type }, { status: 200, type: 'image/png' });
  });

  it('the app of one file computes', async () => {
    const { body } = await get(`${example.url('APP2_PORT')}/temperature?celsius=100`);
    assert.deepEqual(JSON.parse(body), { celsius: 100, fahrenheit: 212, kelvin: 373.15 });
  });

  it("both apps show Swagger's page", async () => {
    for (const port of ['APP1_PORT', 'APP2_PORT']) {
      const { status, body } = await get(`${example.url(port)}/__docs__/`);
      assert.equal(status, 200);
      assert.match(body, /<title>Swagger UI<\/title>/);
    }
  });
});

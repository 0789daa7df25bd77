import assert from 'node:assert/strict';
import { isPlumbstackError } from '@plumbstack/core';
import {
  endpointOf,
  label,
  observedContainer,
  urlOf,
  type ObservedContainer,
  type Role,
} from '@plumbstack/docker/internal';

interface Port {
  readonly host: string;
  readonly port: number;
  readonly containerPort: number;
}

function container(role: Role, ports: readonly Port[]): ObservedContainer {
  return observedContainer({
    id: 'id',
    name: 'shop-web',
    image: '',
    imageId: '',
    state: 'running',
    labels: { [label.role]: role, [label.identity]: JSON.stringify({ ports }) },
    createdAt: '',
    networks: {},
    ports: [],
  });
}

const at = (host: string, port = 8443, containerPort = 8000): Port => ({ host, port, containerPort });

describe('the endpoint of a published port', () => {
  for (const [bound, engine, url] of [
    ['127.0.0.1', '127.0.0.1', 'http://127.0.0.1:8443/'],
    ['0.0.0.0', '127.0.0.1', 'http://127.0.0.1:8443/'],
    // Measured: an engine binds these to nothing else.
    ['127.0.0.2', '127.0.0.1', 'http://127.0.0.2:8443/'],
    ['::', '127.0.0.1', 'http://[::1]:8443/'],
    ['::1', '127.0.0.1', 'http://[::1]:8443/'],
    ['192.168.1.5', '127.0.0.1', 'http://192.168.1.5:8443/'],
    ['2001:db8::5', '127.0.0.1', 'http://[2001:db8::5]:8443/'],
    ['0.0.0.0', 'docker.example.org', 'http://docker.example.org:8443/'],
    ['::', 'docker.example.org', 'http://docker.example.org:8443/'],
    ['127.0.0.1', 'docker.example.org', 'http://docker.example.org:8443/'],
    ['192.168.1.5', 'docker.example.org', 'http://192.168.1.5:8443/'],
    ['0.0.0.0', '[2001:db8::9]', 'http://[2001:db8::9]:8443/'],
    ['::', '[2001:db8::9]', 'http://[2001:db8::9]:8443/'],
    ['::', '[::1]', 'http://[::1]:8443/'],
    ['0.0.0.0', 'localhost', 'http://localhost:8443/'],
  ] as const) {
    it(`at ${bound} of the engine at ${engine} is ${url}`, () => {
      assert.equal(endpointOf('shop', 'api', [container('app', [at(bound)])], engine, undefined).href, url);
    });
  }

  it('of 80 and 443 is written as browsers do', () => {
    const web = [container('router', [at('0.0.0.0', 80, 8080), at('0.0.0.0', 443, 8443)])];
    assert.equal(endpointOf('shop', 'web', web, '127.0.0.1', 8080).href, 'http://127.0.0.1/');
    assert.equal(endpointOf('shop', 'web', web, '127.0.0.1', 8443).href, 'https://127.0.0.1/');
  });

  it('of a router is HTTPS where that is published, in any order', () => {
    const ports = [at('0.0.0.0', 80, 8080), at('0.0.0.0', 443, 8443)];
    for (const web of [ports, [...ports].reverse()].map((each) => [container('router', each)]))
      assert.equal(endpointOf('shop', 'web', web, '127.0.0.1', undefined).href, 'https://127.0.0.1/');
    const plain = [container('router', [at('0.0.0.0', 80, 8080)])];
    assert.equal(endpointOf('shop', 'web', plain, '127.0.0.1', undefined).href, 'http://127.0.0.1/');
    // The same number means nothing in an app.
    assert.throws(() => endpointOf('shop', 'web', [container('app', ports)], '127.0.0.1', undefined));
  });

  it('of a pool is that of its workers, whatever else it publishes', () => {
    const stats = at('127.0.0.1', 8404, 8404);
    const pool = [
      container('worker', []),
      container('balancer', [stats]),
      container('router', [at('127.0.0.1', 8000, 8080)]),
    ];
    for (const each of [pool, [...pool].reverse()])
      assert.equal(endpointOf('shop', 'pool', each, '127.0.0.1', undefined).href, 'http://127.0.0.1:8000/');
    const closed = [container('balancer', [stats]), container('worker', [])];
    assert.equal(endpointOf('shop', 'pool', closed, '127.0.0.1', undefined).href, 'http://127.0.0.1:8404/');
  });

  for (const [role, containerPort, protocol] of [
    ['app', 8000, 'http:'],
    ['app', 8443, 'http:'],
    ['balancer', 8080, 'http:'],
    ['balancer', 8404, 'http:'],
    ['router', 8080, 'http:'],
    ['router', 8443, 'https:'],
    ['service', 5432, 'tcp:'],
  ] as const) {
    it(`speaks ${protocol} at port ${containerPort} of a container that is ${role}`, () => {
      const published = [container(role, [at('127.0.0.1', 9000, containerPort)])];
      const { protocol: found, port } = endpointOf('shop', 'x', published, '127.0.0.1', undefined);
      assert.deepEqual([found, port], [protocol, '9000']);
    });
  }

  it('is one of a pool, not of its workers', () => {
    const pool = [
      container('worker', [at('127.0.0.1', 1)]),
      container('balancer', [at('127.0.0.1', 2, 8080)]),
    ];
    assert.equal(endpointOf('shop', 'workers', pool, '127.0.0.1', undefined).href, 'http://127.0.0.1:2/');
    assert.equal(urlOf(pool, at('127.0.0.1', 2), '127.0.0.1'), 'http://127.0.0.1:2/');
  });

  it('is the first address where one port is published at several', () => {
    const twice = [container('app', [at('127.0.0.2', 1), at('127.0.0.3', 2)])];
    assert.equal(endpointOf('shop', 'api', twice, '127.0.0.1', undefined).href, 'http://127.0.0.2:1/');
  });

  const several = [container('app', [at('127.0.0.1', 1, 8080), at('127.0.0.1', 2, 8404)])];

  it('has to be chosen where several ports are published, by the number in the container', () => {
    assert.equal(endpointOf('shop', 'workers', several, '127.0.0.1', 8404).port, '2');
    assert.throws(
      () => endpointOf('shop', 'workers', several, '127.0.0.1', undefined),
      (error) =>
        isPlumbstackError(error, 'INVALID_OPTION') &&
        error.resource === 'shop/workers' &&
        /endpoint\('workers', 8080\)/.test(error.hint ?? ''),
    );
  });

  it('that is asked for and not published is told with those that are', () => {
    assert.throws(
      () => endpointOf('shop', 'workers', several, '127.0.0.1', 1),
      (error) => isPlumbstackError(error, 'NOT_FOUND') && /8080, 8404/.test(error.hint ?? ''),
    );
  });

  it('of what publishes nothing is told with how to reach it', () => {
    for (const port of [undefined, 8000]) {
      assert.throws(
        () => endpointOf('shop', 'api', [container('app', [])], '127.0.0.1', port),
        (error) => isPlumbstackError(error, 'NOT_FOUND') && /router/.test(error.hint ?? ''),
      );
    }
  });
});

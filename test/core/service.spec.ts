import assert from 'node:assert/strict';
import { Stack } from '@plumbstack/core';
import { refusalOf } from './refusal';

describe('a Service', () => {
  it('publishes the same port inside and outside, on loopback', () => {
    const { publish } = new Stack('s').service('db', { image: 'postgres:18', publish: 5432 }).toSpec();
    assert.deepEqual(publish, [{ port: 5432, host: '127.0.0.1', containerPort: 5432 }]);
  });

  it('must name its port inside where any free one is taken outside', () => {
    const service = (publish: object): unknown =>
      new Stack('s').service('db', { image: 'a', publish: publish as never });
    assert.equal(refusalOf(() => service({ port: 0 })).details['path'], 'db.publish.containerPort');
    service({ port: 0, containerPort: 5432 });
  });

  it('is no app: it has no port', () => {
    refusalOf(() => new Stack('s').service('db', { image: 'a', port: 5432 } as never));
  });
});

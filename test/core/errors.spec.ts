import assert from 'node:assert/strict';
import { PlumbstackError, isPlumbstackError } from '@plumbstack/core';
import { secondCopy } from './second-copy';

describe('a PlumbstackError', () => {
  it('begins with its code, then the resource, and ends with the hint', () => {
    assert.equal(new PlumbstackError('TIMEOUT', 'it took too long.').message, 'TIMEOUT: it took too long.');
    const cause = new Error('inner');
    const error = new PlumbstackError('PORT_IN_USE', 'port 80 is taken.', {
      resource: 's/web',
      details: { port: 80 },
      hint: 'Choose another.',
      cause,
    });
    assert.equal(error.message, 'PORT_IN_USE: s/web: port 80 is taken.\n  Choose another.');
    assert.equal(String(error), `PlumbstackError: ${error.message}`);
    const { code, resource, details, hint } = error;
    assert.deepEqual(
      { code, resource, details, hint },
      {
        code: 'PORT_IN_USE',
        resource: 's/web',
        details: { port: 80 },
        hint: 'Choose another.',
      },
    );
    assert.equal(error.cause, cause);
  });

  it('has no cause unless it was given one', () => {
    const error = new PlumbstackError('TIMEOUT', 'x');
    assert.ok(!('cause' in error));
    assert.deepEqual(error.details, {});
    assert.equal(error.hint, undefined);
    assert.equal(error.resource, undefined);
  });

  it('is an Error with a stack that begins where it was made', () => {
    const error = new PlumbstackError('TIMEOUT', 'x');
    assert.ok(error instanceof Error);
    assert.match(error.stack ?? '', /errors\.spec\.ts/);
  });

  it('is told from other errors, by its code where one is given', () => {
    const error = new PlumbstackError('TIMEOUT', 'x');
    assert.ok(isPlumbstackError(error) && isPlumbstackError(error, 'TIMEOUT'));
    assert.ok(!isPlumbstackError(error, 'LOCKED'));
    for (const other of [undefined, null, 'TIMEOUT', new Error('TIMEOUT: x'), { code: 'TIMEOUT' }, {}]) {
      assert.ok(!isPlumbstackError(other));
    }
  });

  it('is told across two copies of the package, where instanceof fails', () => {
    const other = secondCopy();
    const theirs = new other.PlumbstackError('LOCKED', 'x');
    assert.ok(!(theirs instanceof PlumbstackError));
    assert.ok(
      isPlumbstackError(theirs) &&
        isPlumbstackError(theirs, 'LOCKED') &&
        !isPlumbstackError(theirs, 'TIMEOUT'),
    );
    assert.ok(other.isPlumbstackError(new PlumbstackError('LOCKED', 'x'), 'LOCKED'));
  });
});

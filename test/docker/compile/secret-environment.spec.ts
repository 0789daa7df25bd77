import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { isPlumbstackError, Stack, type AppOptions } from '@plumbstack/core';
import { compiled, inputsOf, secretInput, unitOf } from './compiled';

/** Prints an environment as JSON, as the program that a container runs would find it. */
const show = [process.execPath, '-e', 'console.log(JSON.stringify(process.env))'];

describe('secrets in the environment', () => {
  let folder: string;

  before(() => (folder = mkdtempSync(join(tmpdir(), 'plumbstack-env-'))));
  after(() => rmSync(folder, { recursive: true }));

  function stackOf(options: Partial<AppOptions>): Stack {
    const stack = new Stack('s');
    const secret = stack.secret('key', { generateBytes: 16 });
    const secrets = [
      { secret, target: join(folder, 'a'), env: 'KEY' },
      { secret, target: join(folder, 'b'), env: 'TOKEN' },
    ];
    stack.app('a', { image: 'a', entrypoint: show.slice(0, 1), command: show.slice(1), secrets, ...options });
    return stack;
  }

  function creationOf(stack: Stack): { entrypoint: readonly string[]; command: readonly string[] } {
    const { entrypoint = [], command = [] } = unitOf(compiled(stack.toSpec()), 'a').container.creation;
    return { entrypoint, command };
  }

  /** Runs what the container would run, on this machine. */
  function environmentOf(
    a: string | Buffer,
    b: string,
    env: Record<string, string> = {},
  ): Record<string, string> {
    const { entrypoint, command } = creationOf(stackOf({}));
    writeFileSync(join(folder, 'a'), a);
    writeFileSync(join(folder, 'b'), b);
    const [program = '', ...args] = [...entrypoint, ...command];
    return JSON.parse(execFileSync(program, args, { env, encoding: 'utf8' })) as Record<string, string>;
  }

  it('are there when the program starts, and nothing else is', () => {
    const { PWD: _, OLDPWD: __, SHLVL: ___, ...seen } = environmentOf('one', 'two', { LOG: '1' });
    assert.deepEqual(seen, { LOG: '1', KEY: 'one', TOKEN: 'two' });
  });

  it('keep every character, and lose the line ends at their end', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'grapheme' }),
          fc.constantFrom(
            '$(exit 3)',
            '`exit 3`',
            '"; exit 3 #',
            "'",
            '\\n',
            '\n\na b\n\tc\r\n\n',
            '-n',
            '*',
            '',
          ),
        ),
        (value) => {
          fc.pre(!value.includes('\0'));
          assert.equal(environmentOf(value, 'x')['KEY'], value.replace(/\n+$/, ''));
        },
      ),
      { numRuns: 30 },
    );
  });

  it('do not touch variables that are named as those of the script', () => {
    const seen = environmentOf('one', 'two', { plumbstack_line: 'mine', plumbstack_end: 'mine' });
    assert.equal(seen['KEY'], 'one');
    assert.ok(!Object.values(seen).includes('\n'));
  });

  it('end the container where a file cannot be read', () => {
    const { entrypoint, command } = creationOf(stackOf({}));
    rmSync(join(folder, 'b'));
    const [program = '', ...args] = [...entrypoint, ...command];
    assert.throws(() => execFileSync(program, args, { stdio: 'pipe' }), { status: 126 });
  });

  it("start the image's own program where nothing else is said", () => {
    const spec = stackOf({ entrypoint: undefined as never, command: undefined as never }).toSpec();
    const image = {
      reference: 'a',
      id: 'sha256:1',
      action: 'none',
      user: '',
      hasHealthcheck: false,
    } as const;
    const programOf = (options: Partial<AppOptions>): readonly string[] => {
      const given = stackOf({
        entrypoint: undefined as never,
        command: undefined as never,
        ...options,
      }).toSpec();
      const images = { a: { ...image, entrypoint: ['entry'], command: ['cmd'] } };
      const { creation } = unitOf(compiled(given, { images }), 'a').container;
      return [...(creation.entrypoint?.slice(-1) ?? []), ...(creation.command ?? [])];
    };
    assert.deepEqual(programOf({}), ['--', 'entry', 'cmd']);
    assert.deepEqual(programOf({ command: ['mine'] }), ['--', 'entry', 'mine']);
    assert.deepEqual(programOf({ entrypoint: ['mine'] }), ['--', 'mine']);
    assert.deepEqual(programOf({ entrypoint: ['mine'], command: ['too'] }), ['--', 'mine', 'too']);
    assert.throws(
      () => compiled(spec, { images: { a: { ...image, entrypoint: [], command: [] } } }),
      (error) => isPlumbstackError(error, 'INVALID_STACK') && /says what to run/.test(error.message),
    );
  });

  it('show no value in what the engine is told of the container', () => {
    const spec = stackOf({}).toSpec();
    const value = 'correct horse battery staple';
    const { creation, identity } = unitOf(
      compiled(spec, { secrets: { ...inputsOf(spec).secrets, key: secretInput(value) } }),
      'a',
    ).container;
    assert.ok(!JSON.stringify([creation, identity]).includes(value));
    assert.equal(creation.env['KEY'], undefined);
  });

  it('make another container when the variable is another', () => {
    const digestOf = (env: string): string => {
      const stack = new Stack('s');
      const secret = stack.secret('key', { generateBytes: 16 });
      stack.app('a', { image: 'a', secrets: [{ secret, env }] });
      return unitOf(compiled(stack.toSpec()), 'a').container.digest;
    };
    assert.notEqual(digestOf('A'), digestOf('B'));
  });
});

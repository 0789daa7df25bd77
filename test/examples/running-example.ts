import assert from 'node:assert/strict';
import { docker } from '../support/docker-cli';
import { Example, freePort, isClosed, type Ended } from './run-example';

/**
 * An example that is up while the tests of the surrounding `describe` run: its program ends well before them, and after
 * them, with `--down`, nothing answers any more.
 */
export class RunningExample {
  readonly #names: readonly string[];
  #example: Example | undefined;
  #ports: readonly string[] = [];
  #printed = '';

  /** @param portVariables environment variables that choose its ports, each set to a free one */
  constructor(folder: string, portVariables: readonly string[] = ['PORT']) {
    this.#names = portVariables;
    before(() => this.#up(folder));
    after(() => this.#down());
  }

  get stack(): string {
    return this.#program.stack;
  }

  /** What it wrote to its standard output. */
  get printed(): string {
    return this.#printed;
  }

  get lines(): readonly string[] {
    return this.#printed.trim().split('\n');
  }

  /** Where one of its ports is reached. */
  url(portVariable = 'PORT'): string {
    return `http://127.0.0.1:${this.#ports[this.#names.indexOf(portVariable)]}`;
  }

  /** Runs it once more. */
  again(): Promise<Ended> {
    return this.#program.up();
  }

  get #program(): Example {
    return this.#example ?? assert.fail('it is up in tests only');
  }

  async #up(folder: string): Promise<void> {
    this.#ports = await Promise.all(this.#names.map(() => freePort()));
    this.#example = new Example(
      folder,
      Object.fromEntries(this.#names.map((name, index) => [name, this.#ports[index] ?? ''])),
    );
    const { exitCode, stdout, stderr } = await this.#example.up();
    assert.equal(exitCode, 0, `${stdout}\n${stderr}`);
    this.#printed = stdout;
  }

  async #down(): Promise<void> {
    const { exitCode, stderr } = await this.#program.down();
    assert.equal(exitCode, 0, stderr);
    for (const port of this.#ports) assert.ok(await isClosed(port), `port ${port} still answers`);
    const label = `label=io.plumbstack.built-for.stack=${this.stack}`;
    const images = await docker('image', 'ls', '--quiet', '--filter', label);
    if (images !== '') await docker('image', 'rm', '--force', ...new Set(images.split('\n')));
  }
}

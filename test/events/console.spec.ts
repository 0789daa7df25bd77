import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createPlan, type StepAction } from '@plumbstack/core';
import { LifecycleEmitter } from '@plumbstack/events';
import { attachConsole } from '@plumbstack/events/console';
import { Screen } from './screen';

const app = { resource: 'shop/app' } as const;
const container = { ...app, container: 'shop-app' } as const;
const image = { ...app, image: 'rstudio/plumber:latest' } as const;
const frameMs = 100;

function plan(...actions: readonly StepAction[]) {
  const steps = actions.map(
    (action) => ({ action, resource: 'shop/app', kind: 'app', reasons: [] }) as const,
  );
  return createPlan('shop', steps, 'print');
}

/** A console on a screen, with a clock that is set by hand. */
function onScreen(
  size: { readonly columns?: number; readonly rows?: number } = {},
  options: { color?: boolean } = {},
) {
  const emitter = new LifecycleEmitter();
  const screen = new Screen(size);
  const clock = { ms: 0 };
  const attached = attachConsole(emitter.source, {
    output: screen,
    now: () => clock.ms,
    color: false,
    ...options,
  });
  return {
    emitter,
    screen,
    clock,
    /** As late as a redraw is due, so that the next event is drawn at once. */
    later: (ms = frameMs) => void (clock.ms += ms),
    [Symbol.dispose]: () => attached[Symbol.dispose](),
  };
}

/** A console on something that is no terminal. */
function onPipe() {
  const emitter = new LifecycleEmitter();
  const clock = { ms: 0 };
  let text = '';
  const output = { write: (written: string) => void (text += written) };
  const attached = attachConsole(emitter.source, { output, now: () => clock.ms });
  return {
    emitter,
    clock,
    lines: () => text.split('\n').slice(0, -1),
    [Symbol.dispose]: () => attached[Symbol.dispose](),
  };
}

describe('attachConsole', () => {
  const variables = ['CI', 'TERM', 'NO_COLOR'] as const;
  const before = variables.map((name) => [name, process.env[name]] as const);
  beforeEach(() => {
    delete process.env['CI'];
    delete process.env['NO_COLOR'];
    process.env['TERM'] = 'xterm';
  });
  after(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  describe('in a terminal', () => {
    it('has a line for each resource that is worked on, with what is done and for how long', () => {
      using on = onScreen();
      on.emitter.emit('shop', 'step:started', { ...app, action: 'create' });
      on.emitter.emit('shop', 'step:started', { resource: 'shop/database', action: 'replace' });
      on.later(1500);
      on.emitter.emit('shop', 'container:started', container);
      assert.deepEqual(on.screen.text, [
        '⠴ shop/app       started shop-app  1.5s',
        '⠴ shop/database  replacing  1.5s',
      ]);
    });

    it('writes over its lines, so that the screen holds the last frame only', () => {
      using on = onScreen();
      on.emitter.emit('shop', 'step:started', { ...app, action: 'create' });
      for (let current = 0; current <= 50; current++) {
        on.later();
        on.emitter.emit('shop', 'image:pull:progress', {
          ...image,
          status: '',
          current: current * 1e6,
          total: 120e6,
        });
      }
      assert.equal(on.screen.frames, 52);
      assert.deepEqual(on.screen.text, [
        '⠙ shop/app  pulling 41% (50.0 MB of 120.0 MB) rstudio/plumber:latest  5.1s',
      ]);
    });

    it("says the engine's own words while the size of an image is not known", () => {
      using on = onScreen();
      on.emitter.emit('shop', 'image:pull:progress', {
        ...image,
        status: 'Downloading',
        current: 0,
        total: 0,
      });
      assert.deepEqual(on.screen.text, ['⠋ shop/app  pulling rstudio/plumber:latest: Downloading  0.0s']);
    });

    it('shows the last line of a build', () => {
      using on = onScreen();
      on.emitter.emit('shop', 'image:build:started', { ...app, image: 'shop-app' });
      on.later();
      on.emitter.emit('shop', 'image:build:progress', {
        ...app,
        image: 'shop-app',
        status: 'Step 2/3 : RUN Rscript',
      });
      on.later();
      on.emitter.emit('shop', 'image:build:progress', {
        ...app,
        image: 'shop-app',
        status: ' 10%\r 55%\r\n\n',
      });
      assert.deepEqual(on.screen.text, ['⠹ shop/app  building: 55%  0.2s']);
    });

    it('prints what is finished once, above, with its time', () => {
      using on = onScreen();
      on.emitter.emit('shop', 'step:started', { ...app, action: 'create' });
      on.emitter.emit('shop', 'step:started', { resource: 'shop/database', action: 'create' });
      on.later(2000);
      on.emitter.emit('shop', 'step:finished', { ...app, action: 'create', durationMs: 1960 });
      on.later();
      on.emitter.emit('shop', 'container:started', { resource: 'shop/database', container: 'shop-database' });
      assert.deepEqual(on.screen.text, [
        '✔ shop/app created 2.0s',
        '⠙ shop/database  started shop-database  2.1s',
      ]);
    });

    it('keeps an image that a step needs in the line of the step', () => {
      using on = onScreen();
      on.emitter.emit('shop', 'step:started', { ...app, action: 'create' });
      on.emitter.emit('shop', 'image:pull:started', image);
      on.later();
      on.emitter.emit('shop', 'image:pull:finished', { ...image, durationMs: 100 });
      assert.deepEqual(on.screen.text, ['⠙ shop/app  creating  0.1s']);
    });

    it('prints an image that is pulled outside of a step when it is there', () => {
      using on = onScreen();
      on.emitter.emit('shop', 'image:pull:started', image);
      on.later();
      on.emitter.emit('shop', 'image:pull:finished', { ...image, durationMs: 63_000 });
      assert.deepEqual(on.screen.text, ['✔ shop/app pulled rstudio/plumber:latest 1m03s']);
    });

    it('prints the counts of a plan', () => {
      using on = onScreen();
      on.emitter.emit('shop', 'stack:up:started', {});
      on.later();
      on.emitter.emit('shop', 'stack:up:planned', { plan: plan('create', 'keep', 'create', 'delete') });
      on.later();
      on.emitter.emit('shop', 'stack:up:planned', { plan: plan('keep') });
      assert.deepEqual(on.screen.text, [
        '· shop bringing up',
        '· shop 2 to create, 1 to delete, 1 to keep',
        '· shop nothing to do, 1 resource is as described',
      ]);
    });

    it('says who holds the lock while it is waited for, and no longer', () => {
      using on = onScreen();
      on.emitter.emit('shop', 'lock:waiting', { holder: 'deploy@host (pid 7)' });
      assert.deepEqual(on.screen.text, ['⠋ shop  waiting for the lock held by deploy@host (pid 7)  0.0s']);
      on.later();
      on.emitter.emit('shop', 'lock:acquired', {});
      assert.deepEqual(on.screen.text, []);
    });

    it('prints the message of a failure, all its lines', () => {
      using on = onScreen({ columns: 40 });
      const message = 'UNHEALTHY: shop/app: it did not answer in 60 s.\n  Look at its log.';
      on.emitter.emit('shop', 'step:started', { ...app, action: 'create' });
      on.later();
      on.emitter.emit('shop', 'step:failed', { ...app, action: 'create', code: 'UNHEALTHY', message });
      on.later();
      on.emitter.emit('shop', 'step:skipped', { resource: 'shop/web', because: 'shop/app failed' });
      on.later();
      on.emitter.emit('shop', 'stack:up:failed', {
        code: 'RUN_FAILED',
        message: 'one step failed',
        durationMs: 500,
      });
      assert.deepEqual(on.screen.text, [
        '✖ shop/app was not created',
        '    UNHEALTHY: shop/app: it did not answ',
        'er in 60 s.',
        '      Look at its log.',
        '! shop/web skipped: shop/app failed',
        '✖ shop did not come up 0.5s',
        '    RUN_FAILED: one step failed',
      ]);
    });

    it('takes away what was in progress when a run ends in any way', () => {
      using on = onScreen();
      on.emitter.emit('shop', 'step:started', { ...app, action: 'create' });
      on.emitter.emit('blog', 'step:started', { resource: 'blog/app', action: 'create' });
      on.later();
      on.emitter.emit('shop', 'stack:up:failed', {
        code: 'TIMEOUT',
        message: 'TIMEOUT: late',
        durationMs: 100,
      });
      assert.deepEqual(on.screen.text, [
        '✖ shop did not come up 0.1s',
        '    TIMEOUT: late',
        '⠙ blog/app  creating  0.1s',
      ]);
    });

    it('prints what happens by itself', () => {
      using on = onScreen({ columns: 100 });
      on.emitter.emit('shop', 'container:exited', { ...container, exitCode: 137, oomKilled: true });
      on.later();
      on.emitter.emit('shop', 'container:started', container);
      on.later();
      on.emitter.emit('shop', 'worker:unhealthy', { ...container, worker: 'w1' });
      on.later();
      on.emitter.emit('shop', 'stream:gap', { reason: 'the engine was away' });
      assert.deepEqual(on.screen.text, [
        '✖ shop/app shop-app exited with code 137, because it used more memory than it may',
        '· shop/app started shop-app',
        '✖ shop/app w1 is unhealthy and gets no requests',
        '! shop events may be missing: the engine was away',
      ]);
    });

    it("cuts its lines to the terminal's width, and keeps the time in sight", () => {
      using on = onScreen({ columns: 30 });
      on.emitter.emit('shop', 'image:build:progress', {
        ...app,
        image: 'shop-app',
        status: 'x'.repeat(5000),
      });
      assert.deepEqual(on.screen.text, ['⠋ shop/app  building: …  0.0s']);
      on.screen.columns = 60;
      on.later();
      on.emitter.emit('shop', 'image:build:progress', {
        ...app,
        image: 'shop-app',
        status: '漢字'.repeat(50),
      });
      // Each of these characters takes two columns: 15 of them fill the 30 that are left.
      assert.deepEqual(on.screen.text, [`⠙ shop/app  building: ${'漢字'.repeat(7)}漢…  0.1s`]);
    });

    it('stays in order in a terminal of any width', () => {
      for (let columns = 1; columns <= 40; columns++) {
        using on = onScreen({ columns });
        on.emitter.emit('shop', 'step:started', { ...app, action: 'create' });
        on.later();
        on.emitter.emit('shop', 'container:waiting', { ...container, until: 'it answers on port 8000' });
        assert.ok(on.screen.text.length <= 1, `${columns} columns: ${on.screen.text.join('|')}`);
      }
    });

    it('leaves nothing behind of lines that a terminal broke when it became narrower', () => {
      using on = onScreen({ columns: 80 });
      on.emitter.emit('shop', 'step:started', { ...app, action: 'create' });
      on.later();
      on.emitter.emit('shop', 'container:waiting', { ...container, until: 'it answers on port 8000' });
      const narrow = new Screen({ columns: 20 });
      narrow.write(`${on.screen.text.join('\n')}\n`);
      assert.ok(narrow.text.length > 1, 'the terminal broke the line');
      on.screen.columns = 20;
      on.later();
      const { raw } = on.screen;
      on.emitter.emit('shop', 'container:started', container);
      narrow.write(on.screen.raw.slice(raw.length));
      assert.deepEqual(narrow.text, ['⠹ shop/app  …  0.2s']);
    });

    it('shows no more lines than the terminal has, and counts the others', () => {
      using on = onScreen({ rows: 5 });
      for (let each = 1; each <= 9; each++) {
        on.emitter.emit('shop', 'step:started', { resource: `shop/app${each}`, action: 'create' });
      }
      for (let frame = 0; frame < 3; frame++) {
        on.later();
        on.emitter.emit('shop', 'container:started', {
          resource: 'shop/app1',
          container: `shop-app${frame}`,
        });
      }
      assert.deepEqual(
        on.screen.text.map((line) => line.slice(2)),
        [
          'shop/app1  started shop-app2  0.3s',
          'shop/app2  creating  0.3s',
          'shop/app3  creating  0.3s',
          'and 6 more',
        ],
      );
    });

    it('redraws at most once in 100 ms, however much happens, and then draws the last state', async () => {
      using on = onScreen();
      on.emitter.emit('shop', 'step:started', { ...app, action: 'create' });
      for (let count = 0; count < 1000; count++) {
        on.emitter.emit('shop', 'container:started', { ...app, container: `shop-app-${count}` });
      }
      assert.equal(on.screen.frames, 1);
      await on.screen.until(([line]) => line?.includes('shop-app-999') === true);
      assert.equal(on.screen.frames, 2);
    });

    it('counts the seconds though nothing happens', async () => {
      using on = onScreen();
      on.emitter.emit('shop', 'step:started', { ...app, action: 'create' });
      on.clock.ms = 7000;
      await on.screen.until(([line]) => line === '⠋ shop/app  creating  7.0s');
    });

    it('draws nothing while nothing is in progress', async () => {
      using on = onScreen();
      on.emitter.emit('shop', 'step:started', { ...app, action: 'create' });
      on.later();
      on.emitter.emit('shop', 'step:finished', { ...app, action: 'create', durationMs: 100 });
      const { frames } = on.screen;
      // A second console whose frames show that time has passed.
      using other = onScreen();
      other.emitter.emit('shop', 'step:started', { ...app, action: 'create' });
      await other.screen.until(() => other.screen.frames >= 4);
      assert.equal(on.screen.frames, frames);
    });

    it('never leaves the cursor hidden, not even between two frames', () => {
      using on = onScreen();
      on.emitter.emit('shop', 'step:started', { ...app, action: 'create' });
      assert.ok(on.screen.raw.startsWith('\u001b[?25l'), 'it is hidden while a frame is drawn');
      assert.ok(on.screen.cursorIsVisible);
    });

    it('when disposed prints what was not printed yet, takes its lines away, and listens no more', () => {
      const on = onScreen();
      on.emitter.emit('shop', 'step:started', { ...app, action: 'create' });
      on.emitter.emit('shop', 'step:started', { resource: 'shop/web', action: 'create' });
      on.emitter.emit('shop', 'step:finished', { ...app, action: 'create', durationMs: 5 });
      on[Symbol.dispose]();
      on[Symbol.dispose]();
      const { frames } = on.screen;
      on.later();
      on.emitter.emit('shop', 'step:started', { ...app, action: 'create' });
      assert.deepEqual(on.screen.text, ['✔ shop/app created 0.0s']);
      assert.equal(on.screen.frames, frames);
      assert.ok(on.screen.cursorIsVisible);
      assert.equal(on.emitter.listenerCount, 0);
    });

    it('lets no control character of a name, a message or a build reach the terminal', () => {
      using on = onScreen({ columns: 200 });
      const evil =
        'a\u001b]0;title\u0007\u001b[2J\u001b[31mb\u009b5Ac\u0000\u0008\u007f\u0085\u202e\u2066d\u001bPq\u001b\\\re';
      on.emitter.emit(evil, 'stack:up:started', {});
      on.emitter.emit(evil, 'step:started', { resource: evil, action: evil });
      for (const send of [
        () => on.emitter.emit(evil, 'image:build:progress', { resource: evil, image: evil, status: evil }),
        () =>
          on.emitter.emit(evil, 'image:pull:progress', {
            resource: evil,
            image: evil,
            status: evil,
            current: 0,
            total: 0,
          }),
        () => on.emitter.emit(evil, 'container:waiting', { resource: evil, container: evil, until: evil }),
        () =>
          on.emitter.emit(evil, 'step:failed', {
            resource: evil,
            action: evil,
            code: 'UNKNOWN',
            message: evil,
          }),
        () => on.emitter.emit(evil, 'lock:waiting', { holder: evil }),
        () => on.emitter.emit(evil, 'listener:failed', { event: evil, message: `${evil}\n${evil}` }),
      ]) {
        on.later();
        // The screen throws at what it does not know, and a throw in a listener would be told here.
        send();
      }
      assert.ok(
        !on.screen.text.some((line) => line.includes('reached the terminal')),
        on.screen.text.join('\n'),
      );
      assert.ok(
        on.screen.text.some((line) => line.startsWith('! ')),
        'the last event is shown',
      );
    });

    it('has colours in a terminal, none where NO_COLOR is set, and those that the option says', () => {
      const coloured = (options: { color?: boolean }): boolean => {
        const emitter = new LifecycleEmitter();
        const output = new Screen();
        using _ = attachConsole(emitter.source, { output, ...options });
        emitter.emit('shop', 'stack:up:finished', { durationMs: 1 });
        return output.raw.includes('\u001b[32m');
      };
      assert.equal(coloured({}), true);
      assert.equal(coloured({ color: false }), false);
      process.env['NO_COLOR'] = '1';
      assert.equal(coloured({}), false);
      assert.equal(coloured({ color: true }), true);
    });

    it('cuts a line with colours at the same place as one without', () => {
      const frames = [true, false].map((color) => {
        using on = onScreen({ columns: 24 }, { color });
        on.emitter.emit('shop', 'image:build:progress', {
          ...app,
          image: 'shop-app',
          status: 'x'.repeat(50),
        });
        return on.screen.text;
      });
      assert.deepEqual(frames[0], frames[1]);
    });
  });

  describe('where there is no terminal', () => {
    it('prints a line for each thing that happens, with the time since it was attached', () => {
      using on = onPipe();
      on.emitter.emit('shop', 'stack:up:started', {});
      on.emitter.emit('shop', 'stack:up:planned', { plan: plan('create') });
      on.clock.ms = 1500;
      on.emitter.emit('shop', 'step:started', { ...app, action: 'create' });
      on.emitter.emit('shop', 'image:build:started', { ...app, image: 'shop-app' });
      on.emitter.emit('shop', 'image:build:progress', {
        ...app,
        image: 'shop-app',
        status: 'Step 1/2 : FROM x\n',
      });
      on.emitter.emit('shop', 'image:build:progress', { ...app, image: 'shop-app', status: '\n' });
      on.emitter.emit('shop', 'image:build:finished', { ...app, image: 'shop-app', durationMs: 60_000 });
      on.clock.ms = 61_500;
      on.emitter.emit('shop', 'container:waiting', { ...container, until: 'healthy' });
      on.emitter.emit('shop', 'step:finished', { ...app, action: 'create', durationMs: 3_720_000 });
      assert.deepEqual(on.lines(), [
        '[   0.0s] shop: bringing up',
        '[   0.0s] shop: 1 to create',
        '[   1.5s] shop/app: creating',
        '[   1.5s] shop/app: building shop-app',
        '[   1.5s] shop/app: Step 1/2 : FROM x',
        '[   1.5s] shop/app: built shop-app (1m00s)',
        '[  1m02s] shop/app: waiting for shop-app until healthy',
        '[  1m02s] shop/app: created (1h02m)',
      ]);
    });

    it('leaves out what only measures', () => {
      using on = onPipe();
      on.emitter.emit('shop', 'image:pull:progress', {
        ...image,
        status: 'Downloading',
        current: 1,
        total: 2,
      });
      on.emitter.emit('shop', 'pool:queue', { resource: 'shop/workers', queued: 3 });
      assert.deepEqual(on.lines(), []);
    });

    it('prints a failure with all its lines, each of which says whose it is', () => {
      using on = onPipe();
      on.emitter.emit('shop', 'stack:up:failed', {
        code: 'LOCKED',
        message: 'LOCKED: held\n  Wait.',
        durationMs: 10,
      });
      assert.deepEqual(on.lines(), [
        '[   0.0s] shop: did not come up (0.0s)',
        '[   0.0s] shop:   LOCKED: held',
        '[   0.0s] shop:     Wait.',
      ]);
    });

    it('prints no escape sequence and no control character', () => {
      using on = onPipe();
      on.emitter.emit('shop', 'image:build:progress', {
        ...app,
        image: 'x',
        status: '\u001b[1mbold\u001b[0m\u0007 \u009bK\tend',
      });
      assert.deepEqual(on.lines(), ['[   0.0s] shop/app: bold  end']);
    });

    for (const [variable, value] of [
      ['CI', 'true'],
      ['TERM', 'dumb'],
    ] as const) {
      it(`counts a terminal as none where ${variable} is ${value}`, () => {
        process.env[variable] = value;
        using on = onScreen();
        on.emitter.emit('shop', 'step:started', { ...app, action: 'create' });
        assert.equal(on.screen.raw, '[   0.0s] shop/app: creating\n');
      });
    }

    it('counts a terminal as one where CI is false', () => {
      process.env['CI'] = 'false';
      using on = onScreen();
      on.emitter.emit('shop', 'step:started', { ...app, action: 'create' });
      assert.deepEqual(on.screen.text, ['⠋ shop/app  creating  0.0s']);
    });
  });

  it('lets a program end while something is in progress, with its last line printed', async () => {
    const program = `
      import { LifecycleEmitter } from '@plumbstack/events';
      import { attachConsole } from '@plumbstack/events/console';
      const emitter = new LifecycleEmitter();
      const output = { isTTY: true, write: (text) => process.stdout.write(text) };
      attachConsole(emitter.source, { output });
      emitter.emit('shop', 'step:started', { resource: 'shop/app', action: 'create' });
      emitter.emit('shop', 'step:started', { resource: 'shop/web', action: 'create' });
      emitter.emit('shop', 'step:finished', { resource: 'shop/app', action: 'create', durationMs: 1 });
    `;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', program],
      {
        cwd: __dirname,
        env: { ...process.env, NO_COLOR: '1' },
        timeout: 20_000,
      },
    );
    const screen = new Screen();
    screen.write(stdout);
    assert.equal(screen.text[0], '✔ shop/app created 0.0s');
    assert.ok(screen.cursorIsVisible);
  });

  it('names every event that there is in words of its own', () => {
    using on = onPipe();
    const details = {
      ...container,
      ...image,
      worker: 'w1',
      action: 'create',
      code: 'UNKNOWN',
      message: 'm',
      durationMs: 1,
    };
    const rest = { status: 's', current: 1, total: 2, because: 'b', until: 'u', from: 1, to: 2, queued: 1 };
    const payload = {
      ...details,
      ...rest,
      reason: 'r',
      holder: 'h',
      event: 'e',
      exitCode: 1,
      oomKilled: false,
      plan: plan(),
    };
    const names = [
      'stack:down:started',
      'stack:down:finished',
      'stack:down:failed',
      'resource:created',
      'resource:updated',
      'resource:replaced',
      'resource:removed',
      'app:healthy',
      'app:unhealthy',
      'worker:joined',
      'worker:draining',
      'worker:left',
      'worker:recovered',
      'pool:scaled',
      'pool:reloaded',
      'router:reloaded',
      'update:rolledback',
    ] as const;
    for (const name of names) on.emitter.emit('shop', name, payload);
    assert.deepEqual(
      on.lines().map((line) => line.slice('[   0.0s] '.length)),
      [
        'shop: taking down',
        'shop: is down (0.0s)',
        'shop: was not taken down (0.0s)',
        'shop:   m',
        'shop/app: is new',
        'shop/app: was updated',
        'shop/app: was replaced',
        'shop/app: was removed',
        'shop/app: shop-app is healthy',
        'shop/app: shop-app is unhealthy',
        'shop/app: w1 joined',
        'shop/app: w1 is draining',
        'shop/app: w1 left',
        'shop/app: w1 recovered',
        'shop/app: scaled from 1 to 2',
        'shop/app: HAProxy runs a new configuration',
        'shop/app: nginx runs a new configuration',
        'shop/app: rolled back: r',
      ],
    );
  });
});

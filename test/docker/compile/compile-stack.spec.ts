import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  plumber,
  secretText,
  Stack,
  type ResourceSpec,
  type RouteOptions,
  type StackSpec,
} from '@plumbstack/core';
import {
  canonicalJson,
  keptSecrets,
  label,
  type ContainerTemplate,
  type Unit,
} from '@plumbstack/docker/internal';
import { arbitraryStack } from '../../support/arbitrary-stack';
import {
  acmeThumbprint,
  compiled,
  inputsOf,
  modest,
  poolOf,
  routerOf,
  secretMarker,
  unitOf,
} from './compiled';

const specs = arbitraryStack().map((stack) => modest(stack.toSpec()));

function templatesOf(unit: Unit): readonly ContainerTemplate[] {
  return unit.kind === 'pool' ? [unit.container, unit.worker.container] : [unit.container];
}

/** The names that a spec runs something of. */
function running({ resources }: StackSpec): readonly string[] {
  const pooled = resources.flatMap((each) => (each.kind === 'pool' ? [each.app] : []));
  const runs = ({ kind, name }: ResourceSpec): boolean =>
    kind === 'service' || kind === 'pool' || kind === 'router' || (kind === 'app' && !pooled.includes(name));
  return resources.filter(runs).map(({ name }) => name);
}

describe('a compiled stack', () => {
  it('is the same for the same spec, addresses and inputs', () => {
    fc.assert(
      fc.property(specs, (spec) => assert.deepEqual(compiled(spec), compiled(structuredClone(spec)))),
    );
  });

  it('has a unit for every app that runs by itself, service, pool, front of a pool and router, and for nothing else', () => {
    fc.assert(
      fc.property(specs, (spec) => {
        const units = compiled(spec).units.map(({ resource }) => resource);
        const fronts = spec.resources.flatMap((each) =>
          each.kind === 'pool' && each.publish.some(({ containerPort }) => containerPort === 8080)
            ? [`${each.name}.front`]
            : [],
        );
        assert.deepEqual([...units].sort(), [...running(spec), ...fronts].sort());
      }),
    );
  });

  it('has everything that a unit depends on before it', () => {
    fc.assert(
      fc.property(specs, (spec) => {
        const seen = new Set<string>();
        for (const { resource, dependsOn } of compiled(spec).units) {
          for (const each of dependsOn) assert.ok(seen.has(each), `${resource} comes before ${each}`);
          seen.add(resource);
        }
      }),
    );
  });

  it('gives every unit its addresses, and every slot of a pool to its HAProxy', () => {
    fc.assert(
      fc.property(specs, (spec) => {
        const { units, addresses } = compiled(spec);
        for (const unit of units) {
          const count = unit.kind === 'app' || unit.kind === 'pool' ? 2 : 1;
          assert.equal(unit.addresses.length, count);
          assert.deepEqual(unit.addresses, addresses.addresses[unit.resource]);
          if (unit.kind !== 'pool') continue;
          assert.deepEqual(unit.worker.slots, addresses.slots[unit.resource]);
          assert.deepEqual(
            unit.config.model.slots,
            unit.worker.slots.map((each, index) => ({
              number: index + 1,
              address: `${each}:${unit.worker.port}`,
            })),
          );
          assert.ok(unit.worker.slots.length >= unit.spec.replicas + unit.spec.update.parallelism);
        }
      }),
    );
  });

  it('has no value of a secret in any identity, label or model', () => {
    fc.assert(
      fc.property(specs, (spec) => {
        const desired = compiled(spec);
        const shown = desired.units.flatMap((unit) => [
          ...templatesOf(unit).flatMap(({ identity, digest, creation }) => [identity, digest, creation]),
          'config' in unit ? unit.config.model : '',
        ]);
        const text = JSON.stringify([shown, desired.networks, desired.volumes, desired.images]);
        assert.ok(!text.includes(secretMarker));
        assert.ok(!text.includes(Buffer.from(secretMarker).toString('base64').slice(0, -4)));
      }),
    );
  });

  it('puts every secret into the files of whoever asked for it, readable by nobody else', () => {
    fc.assert(
      fc.property(specs, (spec) => {
        const desired = compiled(spec);
        for (const unit of desired.units) {
          if (unit.kind === 'router') continue;
          const name = unit.kind === 'pool' ? unit.spec.app : unit.resource;
          const resource = spec.resources.find((each) => each.name === name);
          const wanted = resource !== undefined && 'secrets' in resource ? resource.secrets : [];
          const { files } = unit.kind === 'pool' ? unit.worker.container : unit.container;
          const put = files
            .filter(({ ownedByUser }) => ownedByUser)
            .flatMap(({ folder, files: list }) =>
              list.map(({ path, content, mode }) => [
                `${folder === '/' ? '' : folder}/${path}`,
                String(content.bytes),
                mode,
              ]),
            );
          assert.deepEqual(
            [...put].sort(),
            wanted
              .map((each) => {
                const value = secretMarker + each.secret;
                return [each.target, secretText(each, () => value) ?? value, 0o400];
              })
              .sort(),
          );
        }
      }),
    );
  });

  it('carries its identity in a label, as JSON that its digest is of', () => {
    fc.assert(
      fc.property(specs, (spec) => {
        for (const { identity, digest, creation } of compiled(spec).units.flatMap(templatesOf)) {
          assert.equal(creation.labels[label.digest], digest);
          assert.equal(creation.labels[label.identity], canonicalJson(identity));
          assert.match(digest, /^[0-9a-f]{64}$/);
        }
      }),
    );
  });

  it('keeps the labels that a program gives, and puts its own beside them', () => {
    const stack = new Stack('s');
    stack.service('db', { image: 'db', labels: { team: 'data', 'org.example.a': 'b' } });
    const { labels } = unitOf(compiled(stack.toSpec()), 'db').container.creation;
    assert.equal(labels['team'], 'data');
    assert.equal(labels['org.example.a'], 'b');
    assert.equal(labels[label.stack], 's');
    assert.equal(labels[label.role], 'service');
  });

  it('calls things on the engine by the stack and the resource', () => {
    const stack = new Stack('shop');
    stack.volume('data', { driver: 'local', driverOptions: { type: 'tmpfs' } });
    stack.router('web').route('/', stack.app('site', { image: 'i' }));
    const { networks, volumes } = compiled(stack.toSpec());
    assert.deepEqual(
      networks.map(({ resource, creation: { name, labels } }) => [resource, name, labels[label.role]]),
      [
        ['', 'shop', 'network'],
        ['site', 'shop_site', 'network'],
      ],
    );
    const [data] = volumes;
    assert.equal(data?.creation.name, 'shop-data');
    assert.equal(data?.creation.driver, 'local');
    assert.deepEqual(data?.creation.driverOptions, { type: 'tmpfs' });
  });

  it('takes a resource called as what every object has for a resource like any other', () => {
    const stack = new Stack('s');
    const secret = stack.secret('constructor', { value: 'x' });
    stack.service('db', { image: 'db', env: { constructor: 'x' }, secrets: [secret] });
    const { identity } = unitOf(compiled(stack.toSpec()), 'db').container;
    assert.deepEqual(identity['env'], { constructor: 'x' });
    assert.deepEqual(Object.keys(identity['secrets'] as object), ['/run/secrets/constructor']);
  });
});

describe('an app behind a router', () => {
  type Routes = readonly (readonly [prefix: string, options?: RouteOptions])[];
  function envOf(
    routes: Routes,
    given: Readonly<Record<string, string>> = {},
  ): Readonly<Record<string, string>> {
    const stack = new Stack('s');
    const app = stack.app('api', { image: 'api', prefixEnv: 'BASE', env: given });
    const router = stack.router('web');
    for (const [prefix, options] of routes) router.route(prefix, app, options);
    return unitOf(compiled(stack.toSpec()), 'api').container.creation.env;
  }

  for (const [title, routes, expected] of [
    ['one stripped route', [['/api/']], { BASE: '/api' }],
    ['one stripped route of several parts', [['/a/b/']], { BASE: '/a/b' }],
    [
      'the same prefix on two hosts',
      [
        ['/api/', { host: 'a.org' }],
        ['/api/', { host: 'b.org' }],
      ],
      { BASE: '/api' },
    ],
    ['two prefixes', [['/a/'], ['/b/']], {}],
    ['a route that is not stripped', [['/api/', { stripPrefix: false }]], {}],
    ['a route at the root', [['/']], {}],
    ['no route', [], {}],
  ] as readonly [string, Routes, object][]) {
    it(`is told ${JSON.stringify(expected)} with ${title}`, () => {
      assert.deepEqual(envOf(routes), expected);
    });
  }

  it('keeps what the program itself says about its prefix', () => {
    assert.deepEqual(envOf([['/api/']], { BASE: '/mine' }), { BASE: '/mine' });
    assert.deepEqual(envOf([['/api/']], { BASE: '' }), { BASE: '' });
  });

  it('is told its prefix as every worker of a pool, where the pool is routed', () => {
    const stack = new Stack('s');
    const pool = stack.pool('workers', { app: stack.app('api', plumber('./api.R', { env: { A: 'b' } })) });
    stack.router('web').route('/api/', pool);
    const { env } = poolOf(compiled(stack.toSpec()), 'workers').worker.container.creation;
    assert.ok(Object.values(env).includes('/api'), JSON.stringify(env));
    assert.equal(env['A'], 'b');
  });

  it('may have a prefix variable with a name that every object has', () => {
    const stack = new Stack('s');
    stack.router('web').route('/api/', stack.app('api', { image: 'api', prefixEnv: 'constructor' }));
    assert.deepEqual(unitOf(compiled(stack.toSpec()), 'api').container.creation.env, { constructor: '/api' });
  });
});

describe('a published port', () => {
  it('of a router is bound to all addresses, and of everything else to loopback', () => {
    const stack = new Stack('s');
    const pooled = stack.app('pooled', { image: 'api' });
    stack.app('api', { image: 'api', publish: 8000 });
    stack.service('db', { image: 'db', publish: 5432 });
    stack.pool('workers', { app: pooled, publish: 8001, stats: 8002 });
    stack.router('web', { publish: 80 });
    const hosts = compiled(stack.toSpec()).units.map(({ resource, container }) => [
      resource,
      container.creation.ports.map(({ host }) => host),
    ]);
    assert.deepEqual(Object.fromEntries(hosts), {
      api: ['127.0.0.1'],
      db: ['127.0.0.1'],
      workers: ['127.0.0.1'],
      'workers.front': ['127.0.0.1'],
      web: ['0.0.0.0'],
    });
  });

  it('of 0 becomes the one that was chosen', () => {
    const stack = new Stack('s');
    stack.app('api', { image: 'api', publish: 0 });
    const desired = compiled(stack.toSpec(), { ports: { 'api[0]': 49_200 } });
    assert.deepEqual(unitOf(desired, 'api').container.creation.ports, [
      { host: '127.0.0.1', port: 49_200, containerPort: 8000 },
    ]);
  });

  it('keeps old and new from running at once, and no port is no hindrance', () => {
    const stack = new Stack('s');
    const app = stack.app('pooled', { image: 'api' });
    stack.app('open', { image: 'api', publish: 8000 });
    stack.app('closed', { image: 'api' });
    stack.pool('workers', { app, stats: 0 });
    stack.pool('quiet', { app });
    const publishes = compiled(stack.toSpec()).units.map((unit) => [unit.resource, unit.publishes]);
    assert.deepEqual(Object.fromEntries(publishes), {
      open: true,
      closed: false,
      workers: true,
      quiet: false,
    });
  });

  it('is never one of a worker', () => {
    fc.assert(
      fc.property(specs, (spec) => {
        for (const unit of compiled(spec).units) {
          if (unit.kind === 'pool') assert.deepEqual(unit.worker.container.creation.ports, []);
        }
      }),
    );
  });
});

describe('a proxy', () => {
  it('has no privileges, a root that nobody can write to, and a user that owns nothing', () => {
    fc.assert(
      fc.property(specs, (spec) => {
        for (const unit of compiled(spec).units) {
          if (unit.kind !== 'pool' && unit.kind !== 'router') continue;
          const { creation } = unit.container;
          assert.equal(creation.user, '65532:65532');
          assert.equal(creation.readOnlyRoot, true);
          assert.deepEqual(creation.capDrop, ['ALL']);
          assert.deepEqual(creation.capAdd, []);
          assert.deepEqual(creation.securityOptions, ['no-new-privileges']);
          assert.equal(creation.restart, 'always');
          assert.ok((creation.limits.pids ?? 0) > 0);
          // Whatever else it could write to is memory, its own configuration, which belongs to root, or where nginx keeps
          // the bodies of requests.
          const writable = creation.mounts.filter((each) => each.type !== 'tmpfs' && !each.readOnly);
          assert.deepEqual(
            writable.map((each) => each.target),
            ['/etc/plumbstack', ...(unit.kind === 'router' ? ['/var/tmp'] : [])],
          );
        }
      }),
    );
  });

  it('has a statistics page exactly where one is published', () => {
    const stack = new Stack('s');
    const app = stack.app('api', { image: 'api' });
    stack.pool('seen', { app, stats: 8404 });
    stack.pool('unseen', { app });
    const desired = compiled(stack.toSpec());
    assert.equal(poolOf(desired, 'seen').config.model.statsPort, 8404);
    assert.equal(poolOf(desired, 'unseen').config.model.statsPort, undefined);
  });

  it('is told of every route what it leads to, and of its port', () => {
    const stack = new Stack('s');
    const app = stack.app('api', { image: 'api', port: 3838 });
    const pool = stack.pool('workers', { app: stack.app('pooled', { image: 'api', port: 3839 }) });
    stack.router('web').route('/a/', app).route('/p/', pool).route('/old/', { redirect: '/a/', status: 302 });
    const { model, targets } = routerOf(compiled(stack.toSpec()), 'web').config;
    assert.deepEqual(targets, ['api', 'workers']);
    assert.deepEqual(
      model.routes.map(({ target }) => target),
      [
        { type: 'unit', name: 'api', port: 3838, pool: false, keepAlive: false },
        { type: 'unit', name: 'workers', port: 8080, pool: true, keepAlive: true },
        { type: 'redirect', to: '/a/', status: 302 },
      ],
    );
  });

  it('gets its certificate and key as files that its own user alone can read', () => {
    const stack = new Stack('s');
    const certificate = stack.secret('certificate', { value: 'c' });
    const key = stack.secret('key', { value: 'k' });
    stack.router('web', { publish: { port: 8443 }, tls: { certificate, key } });
    const { files, model } = routerOf(compiled(stack.toSpec()), 'web').config;
    assert.deepEqual(
      files.map(({ path, content, mode, uid }) => [path, String(content), mode, uid]),
      [
        ['tls/certificate.pem', `${secretMarker}certificate`, 0o400, 65_532],
        ['tls/key.pem', `${secretMarker}key`, 0o400, 65_532],
      ],
    );
    assert.equal(model.tls?.publicPort, 8443);
  });

  it('answers an authority only where it has asked one', () => {
    const stack = new Stack('s');
    const acme = { termsAgreed: true } as const;
    stack.router('asks', { publish: [443, 80], serverName: 'a.org', tls: { acme } });
    stack.router('other', { publish: 8443, tls: { selfSigned: true } });
    const thumbprint = (name: string): string | undefined =>
      routerOf(compiled(stack.toSpec()), name).config.model.acmeThumbprint;
    assert.equal(thumbprint('asks'), acmeThumbprint);
    assert.equal(thumbprint('other'), undefined);
  });
});

describe('what is kept for a stack', () => {
  it('is an account where an authority is asked, and certificates for the hosts that have no other', () => {
    const stack = new Stack('s');
    const acme = { termsAgreed: true, directory: 'https://ca.test/dir' } as const;
    const authority = acme;
    stack
      .router('web', {
        publish: [443, 80],
        serverName: ['A.org', '*.b.org', 'c.org'],
        tls: { acme, hosts: { '*.b.org': { selfSigned: true }, 'c.org': { acme } } },
      })
      .route('/', { redirect: '/x/' }, { host: 'd.org' })
      .route('/y/', { redirect: '/x/' }, { host: 'y.b.org' });
    assert.deepEqual(keptSecrets(stack.toSpec()), [
      { name: 'web.tls', type: 'acme', hosts: ['a.org', 'd.org'], authority },
      { name: 'web.tls._.b.org', type: 'self-signed', hosts: ['*.b.org'] },
      { name: 'web.tls.c.org', type: 'acme', hosts: ['c.org'], authority },
      { name: 'acme.account', type: 'account-key' },
    ]);
    const none = new Stack('s');
    none.router('web', { tls: { selfSigned: true } });
    assert.deepEqual(
      keptSecrets(none.toSpec()).map(({ name }) => name),
      ['web.tls'],
    );
  });
});

describe('a container with a read-only root', () => {
  function creationOf(declare: (stack: Stack) => void): ContainerTemplate {
    const stack = new Stack('s');
    declare(stack);
    return unitOf(compiled(stack.toSpec()), 'db').container;
  }

  it('has a volume of its own wherever a file goes', () => {
    const { creation, files } = creationOf((stack) => {
      const secrets = [stack.secret('key', { value: 'k' })];
      const content = 'x';
      stack.service('db', {
        image: 'db',
        readOnly: true,
        secrets,
        files: [
          { target: '/etc/db/a.conf', content },
          { target: '/etc/db/b.conf', content },
        ],
      });
    });
    assert.deepEqual(creation.mounts, [
      { type: 'volume', target: '/etc/db', readOnly: false },
      { type: 'volume', target: '/run/secrets', readOnly: false },
    ]);
    assert.deepEqual(
      files.map(({ folder, files: list }) => [folder, list.map(({ path }) => path)]),
      [
        ['/etc/db', ['a.conf', 'b.conf']],
        ['/run/secrets', ['key']],
      ],
    );
  });
});

describe('an engine health check', () => {
  it('is one that the engine can run: a command', () => {
    const healthOf = (health: object): unknown => {
      const stack = new Stack('s');
      stack.app('api', { image: 'api', startTimeoutMs: 7000, health: health as { tcp: true } });
      return unitOf(compiled(stack.toSpec()), 'api').container.creation.healthcheck;
    };
    assert.equal(healthOf({ tcp: true }), undefined);
    assert.equal(healthOf({ http: '/' }), undefined);
    assert.deepEqual(healthOf({ command: ['true'], intervalMs: 100, timeoutMs: 200, retries: 4 }), {
      command: ['true'],
      intervalMs: 100,
      timeoutMs: 200,
      retries: 4,
      startPeriodMs: 7000,
    });
  });
});

describe('the paths of a program', () => {
  it('start from the base folder of the stack', () => {
    const stack = new Stack('s', { baseDir: 'here' });
    stack.service('db', {
      image: 'db',
      mounts: [{ bind: './data', target: '/data' }],
      files: [{ target: '/f', source: 'f' }],
    });
    const spec = stack.toSpec();
    const { creation, files } = unitOf(compiled(spec), 'db').container;
    assert.deepEqual(creation.mounts, [
      { type: 'bind', source: '/base/here/data', target: '/data', readOnly: false },
    ]);
    assert.deepEqual(files[0]?.files[0]?.content, inputsOf(spec).files['/base/here/f']);
  });
});

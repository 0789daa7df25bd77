// @ts-check
import js from '@eslint/js';
import { importX } from 'eslint-plugin-import-x';
import globals from 'globals';
import tseslint from 'typescript-eslint';

/** Packages, and which of each other they may import. What is listed nowhere may be imported nowhere. */
const mayImport = {
  core: [],
  events: ['core'],
  docker: ['core', 'events'],
  swarm: ['core', 'events', 'docker/proxy', 'docker/client'],
  testing: ['core', 'events', 'docker', 'docker/proxy', 'docker/client', 'docker/internal'],
};

const engineLibraries = ['dockerode', 'docker-modem', 'tar-fs', 'tar-stream'];

/** @param {string} message @param {string[]} names A library, and everything below its name. */
const library = (message, ...names) => ({ regex: `^(?:${names.join('|')})(?:/|$)`, message });

/** @param {keyof typeof mayImport} name */
function otherPackages(name) {
  const allowed = mayImport[name].map((each) =>
    each.includes('/') ? each : `${each}(?:/(?:console|ndjson|otel|sse))?`,
  );
  return {
    regex: `^@plumbstack/(?!(?:${[...allowed, '(?!)'].join('|')})$)`,
    message: `${name} may import ${mayImport[name].join(', ') || 'no other package'}.`,
  };
}

const nodeModules = {
  regex: '^node:',
  message: 'This folder is pure: nothing of Node, no clock, no environment.',
};
const effects = {
  regex: '^\\.\\.?/(?:.*/)?(?:client|apply)(?:/|$)',
  allowTypeImports: true,
  message: 'This folder is pure: of the client it may know types, and no effects.',
};
const engine = library('Only src/client talks to the engine.', ...engineLibraries);
const authority = library('Only src/acme asks certificate authorities.', 'acme-client');

const bareErrors = ['Error', 'TypeError', 'RangeError', 'SyntaxError', 'AggregateError'].map((name) => ({
  selector: `ThrowStatement > NewExpression[callee.name="${name}"], ThrowStatement > CallExpression[callee.name="${name}"]`,
  message: 'Throw a PlumbstackError: it has a code, facts and a hint.',
}));
const effectGlobals = ['process', 'setTimeout', 'setInterval', 'setImmediate', 'fetch', 'performance'];

export default tseslint.config(
  { ignores: ['**/dist/', '**/node_modules/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,

  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      // A deadline that is disposed before its work has ended, ends nothing.
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/explicit-module-boundary-types': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off', // an aborted verb rejects with its signal's reason
      // `interface Options extends Other {}` names a contract of its own that may grow.
      '@typescript-eslint/no-empty-object-type': ['error', { allowInterfaces: 'with-single-extends' }],
      '@typescript-eslint/no-redundant-type-constituents': 'off', // `'start' | string` tells which values are known
      // Types of ours and of Node whose text is what a person reads.
      '@typescript-eslint/restrict-template-expressions': ['error', { allow: ['Error', 'URL', 'Plan'] }],
      eqeqeq: 'error',
    },
  },

  {
    files: ['packages/*/src/**/*.ts'],
    plugins: { 'import-x': importX },
    settings: {
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
      // Sources name each other as the compiled `.js`.
      'import-x/resolver-next': [
        {
          interfaceVersion: 3,
          name: 'relative-js-to-ts',
          resolve: (/** @type {string} */ source, /** @type {string} */ file) =>
            source.startsWith('.')
              ? { found: true, path: new URL(source.replace(/\.js$/, '.ts'), `file://${file}`).pathname }
              : { found: false },
        },
      ],
    },
    rules: {
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      'import-x/no-default-export': 'error',
      'import-x/no-self-import': 'error',
      'import-x/no-useless-path-segments': 'error',
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        ...bareErrors,
        {
          selector: 'ExportAllDeclaration',
          message: 'Name what is exported: the index is the public surface.',
        },
      ],
    },
  },
  ...Object.keys(mayImport).map((name) => ({
    files: [`packages/${name}/src/**/*.ts`],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { patterns: [otherPackages(/** @type {keyof typeof mayImport} */ (name)), engine, authority] },
      ],
    },
  })),
  {
    files: ['packages/docker/src/client/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { patterns: [otherPackages('docker'), authority] },
      ],
    },
  },
  {
    files: ['packages/docker/src/acme/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': ['error', { patterns: [otherPackages('docker'), engine] }],
    },
  },
  {
    files: ['packages/core/src/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { patterns: [otherPackages('core'), nodeModules, engine] },
      ],
      'no-restricted-globals': ['error', ...effectGlobals, 'Buffer'],
    },
  },
  .../** @type {const} */ (['docker', 'swarm']).map((name) => ({
    files: [`packages/${name}/src/{compile,plan,proxy}/**/*.ts`],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { patterns: [otherPackages(name), nodeModules, effects, engine] },
      ],
      'no-restricted-globals': ['error', ...effectGlobals],
    },
  })),

  {
    // A digest is computed from its input alone; of what else node:crypto has, such as random bytes, that is not true.
    files: ['packages/docker/src/compile/spec-hash.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          paths: [
            { name: 'node:crypto', allowImportNames: ['createHash'], message: 'Only digests are pure.' },
          ],
          patterns: [
            otherPackages('docker'),
            { ...nodeModules, regex: '^node:(?!crypto$)' },
            effects,
            engine,
          ],
        },
      ],
    },
  },

  {
    files: ['{test,examples,bench}/**/*.ts'],
    plugins: { 'import-x': importX },
    languageOptions: { globals: globals.node },
    rules: {
      'import-x/no-default-export': 'error',
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex:
                '(?:^|/)packages/|^@plumbstack/.*/(?:src|dist)(?:/|$)|^(?:\\.\\./)+(?:core|events|docker|swarm|testing)/(?:src|dist)/',
              message: 'Import what is published: @plumbstack/<package> and the entries of its package.json.',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // What node:assert compares is often of any type; JSON is.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },

  {
    // What must not compile has no type that these rules could look at.
    files: ['test/types/**/*.ts'],
    rules: { '@typescript-eslint/no-unsafe-call': 'off', '@typescript-eslint/await-thenable': 'off' },
  },

  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: { globals: globals.node },
    rules: { 'no-unused-vars': ['error', { argsIgnorePattern: '^_' }] },
  },
  { files: ['**/*.cjs'], languageOptions: { sourceType: 'commonjs' } },
);

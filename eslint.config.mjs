import tseslint from 'typescript-eslint';
import path from 'node:path';

/**
 * The directions in which imports may point, as ARCHITECTURE.md draws them: each room and the rooms that it
 * may import. What is not listed for a room is forbidden to it. A test feeds this rule offending files.
 */
export const rooms = {
  record: [],
  subtask: ['record'],
  contract: ['subtask', 'record'],
  system: [],
  home: ['record', 'system'],
  log: ['record'],
  domain: ['subtask', 'record', 'contract'],
  operations: ['domain', 'subtask', 'log', 'record', 'contract'],
  runtime: ['operations', 'domain', 'subtask', 'log', 'home', 'system', 'record', 'contract'],
  plan: ['domain', 'subtask', 'record', 'contract'],
  language: ['plan', 'domain', 'subtask', 'contract'],
  client: ['operations', 'home', 'record', 'contract'],
  http: ['operations', 'home', 'subtask', 'record', 'contract'],
  cli: ['client', 'operations', 'plan', 'subtask', 'home', 'contract'],
};

/** Inside the rules' room: each module and the modules that it may import. */
export const modules = {
  model: [],
  worker: ['model'],
  join: ['model'],
  policy: ['model', 'join'],
  fold: ['model', 'join', 'policy'],
  coordinator: ['model', 'join', 'policy', 'fold'],
  commands: ['model', 'join', 'policy', 'fold', 'coordinator'],
  views: ['model', 'join', 'policy', 'fold', 'coordinator', 'commands'],
};

/** Inside the log's room: implementations of the port never import each other, and the log does not know its index. */
const siblings = { 'log/memory': ['log/file', 'log/index'], 'log/file': ['log/memory', 'log/index'] };

/**
 * The imports that the rooms beside the engine's may take from the others, as the beginning of a path. The engine is
 * loaded from its built file, so that only what is light is taken from its sources.
 */
export const neighbours = {
  extension: [
    'engine/index.ts',
    'engine/client/',
    'engine/contract/',
    'engine/operations/',
    'engine/subtask/',
    'engine/home/',
    'engine/record/ids.ts',
    'engine/language/protocol.ts',
    'engine/plan/draft/from-fan-out.ts',
    'engine/runtime/environment.ts',
    'engine/runtime/git/git.ts',
    'engine/errors.ts',
    'webview/protocol.ts',
    'webview/plan/protocol.ts',
  ],
  webview: ['engine/contract/', 'engine/record/'],
  engine: [],
};

/** Files that every room may import. */
const shared = new Set(['errors.ts', 'yield-to-event-loop.ts']);

const root = import.meta.dirname;
const engine = path.join(root, 'engine');
const roomOf = file => file.split('/')[0];

/** Returns the reason why the file may not import the other one, both as paths inside `engine/`; undefined when it may. */
function refusal(file, imported) {
  const [here, there] = [roomOf(file), roomOf(imported)];
  const allowed = rooms[here];
  if (allowed === undefined || shared.has(imported)) return undefined;
  if (here !== there && !allowed.includes(there)) {
    return `engine/${here} may import only ${[...allowed, 'errors'].join(', ')}; see engine/ARCHITECTURE.md.`;
  }
  if (here === 'domain' && there === 'domain')
    return refusalAmongModules(file.split('/')[1], imported.split('/')[1]);
  const [, forbidden = []] = Object.entries(siblings).find(([folder]) => file.startsWith(`${folder}/`)) ?? [];
  const other = forbidden.find(folder => imported.startsWith(`${folder}/`));
  return other === undefined
    ? undefined
    : `The parts of the log stand beside each other: this one may not import engine/${other}.`;
}

function refusalAmongModules(here, there) {
  const allowed = modules[here];
  if (allowed === undefined || here === there || !Object.hasOwn(modules, there) || allowed.includes(there))
    return undefined;
  return `engine/domain/${here} may import only ${allowed.join(', ')}; see engine/ARCHITECTURE.md.`;
}

/**
 * Returns the reason why a file of a top folder may not import the other one, both as paths from the root; undefined if
 * it may.
 */
function refusalAbroad(file, imported) {
  const [here, there] = [roomOf(file), roomOf(imported)];
  const allowed = neighbours[here];
  if (allowed === undefined || here === there || allowed.some(beginning => imported.startsWith(beginning)))
    return undefined;
  return `${here} may import only ${allowed.join(', ')}; see engine/ARCHITECTURE.md.`;
}

/** A rule of our own: imports here are relative and name their file, so that a path is all it takes to judge one. */
const directions = {
  create(context) {
    const from = (folder, file) => path.relative(folder, file).replaceAll(path.sep, '/');
    const isTest = /\.test\.ts$|\/testing\//.test(context.filename);
    const check = node => {
      const specifier = node.source?.value;
      if (isTest || typeof specifier !== 'string' || !specifier.startsWith('.')) return;
      const imported = path.resolve(path.dirname(context.filename), specifier);
      const message =
        refusalAbroad(from(root, context.filename), from(root, imported)) ??
        refusal(from(engine, context.filename), from(engine, imported));
      if (message !== undefined) context.report({ node, message });
    };
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
    };
  },
};

const purity = [
  {
    selector: "MemberExpression[object.name='Date'][property.name='now']",
    message: 'The rules are pure: time is an argument.',
  },
  {
    selector: "NewExpression[callee.name='Date'][arguments.length=0]",
    message: 'The rules are pure: time is an argument.',
  },
  {
    selector: "MemberExpression[object.name='Math'][property.name='random']",
    message: 'The rules are pure: randomness is an argument.',
  },
  { selector: "Identifier[name='Promise']", message: 'The rules are pure: they decide, others wait.' },
];

const collected = [
  {
    selector:
      "CallExpression[callee.object.name='AbortSignal'][callee.property.name='any'] CallExpression[callee.property.name='timeout']",
    message:
      'Node 20 may collect a time-out that only an AbortSignal.any follows: it never comes. Use a timer.',
  },
];

const RUNS = 'The environment sets the runs of a property: numRuns is runs(…) of test/runs.ts.';
const sampling = [
  { selector: "Property[key.name='numRuns'] > Literal", message: RUNS },
  {
    selector: "CallExpression[callee.object.name='fc'][callee.property.name='assert'][arguments.length=1]",
    message: RUNS,
  },
];

export default tseslint.config(
  {
    ignores: [
      'dist/**',
      '.types/**',
      'node_modules/**',
      'coverage/**',
      '.vscode-test/**',
      'out/**',
      '**/*.d.mts',
    ],
  },
  ...tseslint.configs.recommendedTypeChecked,
  {
    files: ['**/*.ts'],
    languageOptions: {
      parserOptions: {
        project: [
          'engine/tsconfig.json',
          'extension/tsconfig.json',
          'webview/tsconfig.json',
          'test/tsconfig.json',
          'test/webview/tsconfig.json',
          'test/stubs/tsconfig.json',
        ],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    plugins: { rooms: { rules: { directions } } },
    rules: {
      'rooms/directions': 'error',
      'no-restricted-imports': [
        'error',
        { paths: [{ name: 'vscode', message: 'The engine imports no vscode, not even its types.' }] },
      ],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-console': 'error',
      'no-restricted-syntax': ['error', ...collected],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  { files: ['extension/**/*.ts'], rules: { 'no-restricted-imports': 'off' } },
  {
    files: [
      'engine/domain/**/*.ts',
      'engine/record/**/*.ts',
      'engine/subtask/**/*.ts',
      'engine/plan/**/*.ts',
    ],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...purity, ...collected],
      'no-restricted-imports': [
        'error',
        {
          paths: [{ name: 'vscode' }],
          patterns: [
            'node:fs*',
            'node:net',
            'node:http*',
            'node:child_process',
            'node:worker_threads',
            'node:timers*',
          ],
        },
      ],
    },
  },
  {
    files: ['engine/operations/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: ['**/domain/**', '**/log/**'],
              allowTypeImports: true,
              message:
                'An operation finds the rules and the log in its context: every client loads its file.',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['**/*.test.ts', 'extension/testing/**/*.ts', 'test/**/*.ts'],
    rules: {
      '@typescript-eslint/require-await': 'off',
      'no-restricted-syntax': ['error', ...sampling, ...collected],
    },
  },
  {
    files: ['test/editor/suites/**/*.ts', 'test/stubs/**/*.ts'],
    rules: { 'no-restricted-imports': 'off' },
  },
  { files: ['**/*.mjs'], ...tseslint.configs.disableTypeChecked },
);

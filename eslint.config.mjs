import tseslint from 'typescript-eslint';
import importX from 'eslint-plugin-import-x';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';

/**
 * The directions in which imports may point, as ARCHITECTURE.md draws them: each room and the rooms that it
 * may import. What is not listed for a room is forbidden to it. A test feeds this rule offending files.
 */
export const rooms = {
  record: [],
  contract: ['record'],
  home: ['record'],
  log: ['record'],
  fleet: ['record', 'contract'],
  run: ['fleet', 'log', 'home', 'record', 'contract'],
  plan: ['fleet', 'record', 'contract'],
  api: ['home', 'record', 'contract'],
  cli: ['api', 'plan', 'home', 'contract'],
};

const zones = Object.entries(rooms).map(([room, allowed]) => ({
  target: [`./engine/${room}/**/!(*.test).ts`],
  from: './engine',
  except: ['./errors.ts', `./${room}`, ...allowed.map(other => `./${other}`)],
  message: `engine/${room} may import only ${[...allowed, 'errors'].join(', ')}; see engine/ARCHITECTURE.md.`,
}));

/** Implementations of one port never import each other. */
const siblings = [
  {
    target: './engine/log/memory',
    from: './engine/log/file',
    message: 'Implementations of the log port never import each other.',
  },
  {
    target: './engine/log/file',
    from: './engine/log/memory',
    message: 'Implementations of the log port never import each other.',
  },
  { target: './engine/log/file', from: './engine/log/index', message: 'The log does not know its index.' },
];

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

export default tseslint.config(
  { ignores: ['dist/**', '.types/**', 'node_modules/**', 'coverage/**', '.vscode-test/**'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    files: ['**/*.ts'],
    languageOptions: {
      parserOptions: {
        project: ['engine/tsconfig.json', 'test/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    plugins: { 'import-x': importX },
    settings: {
      'import-x/resolver-next': [
        createTypeScriptImportResolver({
          project: ['engine/tsconfig.json', 'test/tsconfig.json'],
          noWarnOnMultipleProjects: true,
        }),
      ],
    },
    rules: {
      'import-x/no-restricted-paths': ['error', { zones: [...zones, ...siblings] }],
      'import-x/no-cycle': 'error',
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
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  {
    files: [
      'engine/fleet/**/*.ts',
      'engine/record/**/*.ts',
      'engine/plan/**/*.ts',
    ],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...purity],
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
  { files: ['**/*.test.ts', 'test/**/*.ts'], rules: { '@typescript-eslint/require-await': 'off' } },
  { files: ['**/*.mjs'], ...tseslint.configs.disableTypeChecked },
);

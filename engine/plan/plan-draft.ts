/** The facts about a folder from which a plan can be made. */
export interface FolderFacts {
  /** The folder's own name, for the goal. */
  readonly name: string;
  /** The names of the scripts in its `package.json`. */
  readonly scripts: readonly string[];
  /** The targets of its Makefile. */
  readonly targets: readonly string[];
  /** The folders with tests, such as `test/unit`, as relative paths. */
  readonly testFolders: readonly string[];
  /** The first of `AGENTS` that is installed; null for none. */
  readonly agent: (typeof AGENTS)[number] | null;
}

/** The agents that every fleet knows, by the names of their programs. */
export const AGENTS = ['claude', 'codex', 'gemini', 'copilot', 'opencode', 'aider'] as const;

/** Matches names of scripts that check a folder and end by themselves, unlike servers and watchers. */
const CHECKS =
  /^(type-?check|types|check-types|lint|format[:-]check|test|tests|unit|build|compile|check|verify)$/i;
/** Matches a script that only runs the other checks. */
const SUMMARY = /^(check|verify)$/i;

/**
 * Returns the text of a first plan, with comments: a subtask for each script or target that checks the folder. If there
 * are none, a subtask for each folder of tests.
 */
export function planDraft(facts: FolderFacts): string {
  const subtasks = [
    ...chosen(facts.scripts).map(name => subtask(name, `npm run ${name}`)),
    ...chosen(facts.targets)
      .filter(name => !facts.scripts.includes(name))
      .map(name => subtask(name, `make ${name}`)),
  ];
  const matrix = subtasks.length === 0 && facts.testFolders.length > 1 ? [testMatrix(facts.testFolders)] : [];
  const all = [...subtasks, ...matrix];
  return [
    '# What is to be done, and when it counts as done. spl plan check tells what is wrong with it.',
    `goal: ${quoted(`Check ${facts.name}`)}`,
    '',
    'subtasks:',
    ...(all.length === 0 ? EXAMPLE : all).join('\n').split('\n'),
    '',
    ...ENDING,
    ...agentLines(facts.agent),
    '',
  ].join('\n');
}

function chosen(names: readonly string[]): readonly string[] {
  const checks = names.filter(name => CHECKS.test(name));
  const parts = checks.filter(name => !SUMMARY.test(name));
  return parts.length > 1 ? parts : checks.slice(0, 1);
}

function subtask(name: string, run: string): string {
  return [`  - name: ${quoted(name)}`, `    run: ${quoted(run)}`, '    timeout: 600 # seconds'].join('\n');
}

function testMatrix(folders: readonly string[]): string {
  return [
    '  # One subtask for each value; a value is quoted for the shell by itself.',
    '  - name: test-${{ matrix.folder }}',
    `    matrix: { folder: [${folders.map(quoted).join(', ')}] }`,
    '    # How the tests of one folder are run here:',
    '    run: echo "no command yet for" ${{ matrix.folder }} && exit 1',
  ].join('\n');
}

const EXAMPLE: readonly string[] = [
  '  - name: hello',
  '    run: echo hello',
  '  # One subtask for each value; a value is quoted for the shell by itself.',
  '  - name: part-${{ matrix.n }}',
  '    matrix: { n: [1, 2, 3] }',
  '    run: echo part ${{ matrix.n }}',
  '    depends: [hello]',
];

const ENDING: readonly string[] = [
  '# all, any, k_of_n:2, or an expression such as: failed == 0 && cost_usd < 5.0',
  'join: all',
  '# What becomes of the rest once that is decided: keep, drain or cancel.',
  'losers: drain',
];

function agentLines(agent: FolderFacts['agent']): readonly string[] {
  return [
    `# Who summarises, reviews or mends: executor: agent:${agent ?? AGENTS[0]}, with a prompt, and depends: [test-*].`,
    ...(agent === null ? [`# None of these agents is installed here: ${AGENTS.join(', ')}.`] : []),
  ];
}

/** Returns a YAML scalar that is read as the same text. */
const quoted = (text: string): string =>
  /^[A-Za-z][A-Za-z0-9 _./-]*$/.test(text) && !/^(true|false|null|yes|no|on|off)$/i.test(text)
    ? text
    : JSON.stringify(text);

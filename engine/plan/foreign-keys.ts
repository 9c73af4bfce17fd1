import { nearestName } from '../record/near-names.ts';

/** A key of a plan that has another name in another tool. */
interface ForeignKey {
  readonly key: string;
  /** A difference of the values, which a mere change of the name would miss. */
  readonly note?: string;
}

/** The keys of GitHub Actions, GitLab, Taskfile, Compose and others, with the key of a plan that does the same. */
const ROWS: readonly (readonly [theirs: readonly string[], key: string, note?: string])[] = [
  [
    ['needs', 'depends_on', 'depends-on', 'dependsOn', 'dependencies', 'deps', 'after', 'requires'],
    'depends',
  ],
  [['cmd', 'cmds', 'command', 'commands', 'script', 'exec', 'shell', 'sh', 'bash'], 'run'],
  [
    ['retries', 'retry', 'max-attempts', 'max_attempts', 'tries'],
    'attempts',
    'which counts the first start too',
  ],
  [
    [
      'cwd',
      'workdir',
      'working-directory',
      'working_directory',
      'working_dir',
      'directory',
      'folder',
      'path',
    ],
    'dir',
  ],
  [['environment', 'variables', 'vars'], 'env'],
  [['timeout-minutes', 'timeout_minutes', 'timeoutMinutes'], 'timeout', 'in seconds'],
  [['timeout_secs', 'timeout-secs', 'timeout_seconds', 'time_limit'], 'timeout'],
  [
    ['strategy', 'parallel', 'foreach', 'for', 'each', 'with_items'],
    'matrix',
    'with the lists directly below it',
  ],
  [['with', 'include'], 'matrix', 'with a list of values for each key'],
  [['if', 'only_if', 'condition', 'allow_failure'], 'when', 'which is accepted, failed or always'],
  [['title', 'id', 'label', 'alias'], 'name'],
  [['description', 'desc', 'summary'], 'goal'],
  [['instructions', 'instruction', 'message'], 'prompt'],
  [['uses', 'agent', 'runner', 'image'], 'executor', 'such as shell or agent:claude'],
  [['runs-on', 'runs_on', 'worker', 'host'], 'target', 'which names a worker of the fleet'],
  [['jobs', 'tasks', 'steps', 'stages', 'services'], 'subtasks', 'which is a list'],
  [['until', 'done-when', 'done_when', 'success'], 'join'],
  [['budget_usd', 'max_cost', 'max-cost'], 'budget'],
];

const BY_NAME: ReadonlyMap<string, readonly ForeignKey[]> = byName();

function byName(): ReadonlyMap<string, readonly ForeignKey[]> {
  const all = new Map<string, ForeignKey[]>();
  for (const [theirs, key, note] of ROWS)
    for (const name of theirs) {
      const known = all.get(name.toLowerCase()) ?? [];
      all.set(name.toLowerCase(), [...known, note === undefined ? { key } : { key, note }]);
    }
  return all;
}

/** The known key that an unknown one probably means. */
export interface Suggestion {
  /** The text to append to the unknown key; '' if no key is near. */
  readonly text: string;
  /** The key to write in its place; undefined if the value would have to change too. */
  readonly instead?: string;
}

/** Returns the suggestion for an unknown key: that of a key of another tool, else the nearest name. */
export function suggestionFor(word: string, known: readonly string[]): Suggestion {
  const foreign = BY_NAME.get(word.toLowerCase())?.find(({ key }) => known.includes(key));
  const key = foreign?.key ?? nearestName(word, known);
  if (key === undefined) return { text: '' };
  if (foreign?.note === undefined) return { text: ` (did you mean '${key}'?)`, instead: key };
  return { text: ` (did you mean '${key}', ${foreign.note}?)` };
}

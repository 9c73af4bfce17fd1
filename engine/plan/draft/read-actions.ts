import * as v from 'valibot';
import { variableNameSchema } from '../../subtask/variables.ts';
import { MATRIX_NAME } from '../../subtask/matrix.ts';
import { placeholders } from '../matrix.ts';
import { misplacedPlaceholders } from '../shell-places.ts';
import { isPlainName } from './choose-tasks.ts';
import type { Folder } from './folder.ts';
import type { Proposal, Reader } from './proposal.ts';
import { isPlainPath } from './workspaces.ts';

/** The most workflows that are read, and the most combinations of a matrix, as at GitHub. */
const MAX_WORKFLOWS = 50;
const MAX_COMBINATIONS = 256;

const record = v.record(v.string(), v.unknown(), 'must be a mapping');
const stepSchema = v.looseObject({
  run: v.optional(v.string('must be text')),
  env: v.optional(v.unknown()),
  shell: v.optional(v.unknown()),
  if: v.optional(v.unknown()),
  'working-directory': v.optional(v.unknown()),
});
type WorkflowStep = v.InferOutput<typeof stepSchema>;
const jobSchema = v.looseObject({
  strategy: v.optional(v.unknown()),
  env: v.optional(v.unknown()),
  defaults: v.optional(v.unknown()),
  container: v.optional(v.unknown()),
  services: v.optional(v.unknown()),
  steps: v.optional(v.array(stepSchema, 'must be a list'), []),
});
const workflowSchema = v.looseObject({ jobs: v.optional(record, {}) });
const strategySchema = v.looseObject({ matrix: record });
const axisSchema = v.pipe(v.array(v.string()), v.minLength(1));

/** Matches a step that changes the machine or the world, or that needs the runner. */
const NOT_HERE =
  /\b(sudo|apt|apt-get|brew|choco|rustup|conda|twine|gh|curl|wget)\b|\b(npm|pnpm|yarn|bun|pip3?|uv|poetry|pdm|pipenv|cargo|go|bundle|gem|composer)\s+(ci|i|install|add|sync|update|login|publish)\b|\bgit\s+(push|tag|config|commit)\b|\bdocker\s+(login|push)\b|GITHUB_|RUNNER_/;
/** Matches the names of jobs that change the world. */
const NO_CHECK = /deploy|publish|release/i;
/** Matches syntax that `/bin/sh` may not have. */
const NEEDS_BASH = /\[\[|<\(|pipefail|\$\{[^}]*[\^,]|^\s*(source|shopt|declare)\s/m;

/** Reads the jobs of GitHub Actions whose commands name an axis of their matrix. */
export const readActions: Reader = {
  files: /\.ya?ml$/,
  marker: /^$/,
  isExtra: true,
  read(folder) {
    const files = folder.paths.filter(path => /^\.github\/workflows\/[^/]+\.ya?ml$/.test(path)).sort();
    const proposals = files.slice(0, MAX_WORKFLOWS).flatMap(file => jobsOf(folder, file));
    return proposals.length === 0 ? null : { source: 'GitHub Actions', proposals };
  },
};

function jobsOf(folder: Folder, file: string): readonly Proposal[] {
  const jobs = folder.yaml(file, workflowSchema)?.jobs ?? {};
  return Object.entries(jobs).flatMap(([id, written]) => {
    const strategy = v.safeParse(strategySchema, (written as { strategy?: unknown } | null)?.strategy);
    if (!strategy.success || !isPlainName(id) || NO_CHECK.test(id)) return [];
    const job = v.safeParse(jobSchema, written);
    if (!job.success) folder.note(`could not read ${file}: the job ${id}`);
    return job.success ? proposalOf(id, job.output, axesOf(strategy.output.matrix), folder) : [];
  });
}

type Axes = ReadonlyMap<string, readonly string[]>;

/** Returns the axes that are lists of texts. None for a matrix that leaves combinations out. */
function axesOf(matrix: Readonly<Record<string, unknown>>): Axes {
  if (matrix['exclude'] !== undefined) return new Map();
  return new Map(
    Object.entries(matrix).flatMap(([key, written]) => {
      const values = v.safeParse(axisSchema, written);
      if (key === 'include' || !values.success || !MATRIX_NAME.test(key)) return [];
      const all = [...new Set(values.output)];
      return all.length <= MAX_COMBINATIONS && all.every(isFit) ? [[key, all] as const] : [];
    }),
  );
}

const isFit = (value: string): boolean => value !== '' && value.length < 100 && !/\p{Cc}|\$\{\{/u.test(value);

function proposalOf(
  id: string,
  job: v.InferOutput<typeof jobSchema>,
  axes: Axes,
  folder: Folder,
): readonly Proposal[] {
  if (axes.size === 0 || job.container != null || job.services != null) return [];
  const defaults = (
    job.defaults as { run?: { shell?: unknown; 'working-directory'?: unknown } } | null | undefined
  )?.run;
  const steps = job.steps
    .map(step => ({ ...defaults, ...step }))
    .filter(step => step.run !== undefined && keysIn(step.run).length > 0 && isRunnable(step, axes));
  const dir = steps[0]?.['working-directory'];
  const own = steps.filter(step => step['working-directory'] === dir);
  if (own.length === 0 || !isFolder(dir, folder)) return [];
  const run = own.map(step => unquoted(step.run!.trim())).join('\n');
  const env = Object.assign(
    {},
    variablesOf(job.env, axes),
    ...own.map(step => variablesOf(step.env, axes)),
  ) as Record<string, string>;
  const used = [...axes.keys()].filter(key =>
    [run, ...Object.values(env)].some(text => keysIn(text).includes(key)),
  );
  const count = used.reduce((product, key) => product * axes.get(key)!.length, 1);
  if (misplacedPlaceholders(run).length > 0 || hasTwins(used) || count > MAX_COMBINATIONS) return [];
  return [
    {
      name: [id, ...used.map(key => `\${{ matrix.${key} }}`)].join('-'),
      matrix: Object.fromEntries(used.map(key => [key, axes.get(key)!])),
      run,
      ...(dir === undefined ? {} : { dir: dir as string }),
      ...(Object.keys(env).length > 0 ? { env } : {}),
    },
  ];
}

/** True for a step that needs nothing but its axes and a shell. */
function isRunnable({ run = '', shell, env, if: condition }: WorkflowStep, axes: Axes): boolean {
  const isShell = shell === undefined || shell === 'sh' || (shell === 'bash' && !NEEDS_BASH.test(run));
  const variables = Object.values(env ?? {}).map(String);
  return (
    isShell &&
    condition === undefined &&
    run.length < 10_000 &&
    !NOT_HERE.test(run) &&
    !NEEDS_BASH.test(run) &&
    [run, ...variables].every(text => needsOnly(text, axes))
  );
}

/** True for a text whose expressions are all axes. */
function needsOnly(text: string, axes: Axes): boolean {
  const found = placeholders(text);
  return (
    found.every(({ key }) => key !== null && axes.has(key)) &&
    text.split('${{').length - 1 === found.length &&
    !/[^\P{Cc}\n\t]/u.test(text)
  );
}

const keysIn = (text: string): readonly string[] => placeholders(text).flatMap(({ key }) => key ?? []);

const hasTwins = (keys: readonly string[]): boolean =>
  new Set(keys.map(key => key.replaceAll('-', '_'))).size < keys.length;

function isFolder(dir: unknown, folder: Folder): boolean {
  if (dir === undefined) return true;
  return (
    typeof dir === 'string' &&
    isPlainPath(dir) &&
    !/^\/|(^|\/)\.\.?(\/|$)/.test(dir) &&
    folder.hasFolder(dir.replace(/\/$/, ''))
  );
}

function variablesOf(env: unknown, axes: Axes): Record<string, string> {
  const given = v.safeParse(v.record(v.string(), v.string()), env);
  const entries = given.success ? Object.entries(given.output) : [];
  return Object.fromEntries(
    entries.filter(
      ([name, text]) => v.is(variableNameSchema, name) && text.length < 10_000 && needsOnly(text, axes),
    ),
  );
}

/** Takes placeholders out of quotes, because they become quoted variables. */
function unquoted(run: string): string {
  let text = '';
  let at = 0;
  for (const { obstacle, start, end } of misplacedPlaceholders(run)) {
    const quote = { 'double quotes': '"', 'single quotes': "'" }[obstacle as string] ?? '';
    text += `${run.slice(at, start)}${quote}${run.slice(start, end)}${quote}`;
    at = end;
  }
  return text + run.slice(at);
}

import { writeFile } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { plural, printable } from '../../../contract/format.ts';
import { FleetError, messageOf, systemCodeOf } from '../../../errors.ts';
import { planOfFanOut } from '../../../plan/draft/from-fan-out.ts';
import type { PlanDraft } from '../../../plan/draft/plan-draft.ts';
import { draftOf } from '../../draft.ts';
import { NO_FLEET } from '../../plans.ts';
import { pathOf } from '../../settings.ts';
import { defineVerb, maybeWord, toggle, type Context } from '../../verb.ts';

export const planInit = defineVerb({
  path: 'plan init',
  summary: 'Write a first plan file for this folder',
  description: [
    'Adds a subtask for each check that the tools of the folder have: scripts of package.json and of the packages of a',
    'workspace (npm, pnpm, yarn, bun, turbo, nx), targets of a Makefile, recipes of a justfile, cargo, go, pytest, and',
    'matrix jobs of GitHub Actions. Where nothing is found, writes a plan without subtasks. Never overwrites a file.',
  ].join('\n'),
  examples: [
    ['spl plan init', 'write check.fanout.yaml'],
    ['spl plan init release.fanout.yaml', 'choose the file name'],
    ['spl plan init again.fanout.yaml --from-last', 'write the last fan-out as a plan'],
  ],
  positionals: { file: maybeWord('file', 'File to write (default: check.fanout.yaml)', 'files') },
  flags: { fromLast: toggle('--from-last', 'Write the newest fan-out as a plan') },
  async run(context, { file = 'check.fanout.yaml', fromLast }) {
    const path = pathOf(file, context);
    const draft = fromLast
      ? await lastFanOut(context, dirname(path))
      : await draftOf(context.cwd, context.env, relative(dirname(path), context.cwd));
    await writeNew(path, file, draft.text);
    const { subtasks, sources, notes } = draft;
    context.print({ file, subtasks, sources, notes }, () => linesOf(draft, file, context));
  },
});

function linesOf({ subtasks, sources, notes }: PlanDraft, file: string, { out }: Context): readonly string[] {
  const name = printable(file);
  const remarks = notes.map(note => `  ${printable(note)}`);
  if (subtasks === 0)
    return [
      `${out.colours.yellow('!')} ${name} written, without subtasks: nothing to run was found in this folder`,
      ...remarks,
      '  add subtasks to it; its comments show how',
    ];
  return [
    `${out.colours.green('✓')} ${name} written: ${plural(subtasks, 'subtask')} from ${printable(sources.join(', '))}`,
    ...remarks,
    `  check it: spl plan check ${name}`,
    `  run it:   spl run ${name}`,
  ];
}

/** The most tasks among which the newest fan-out is looked for. */
const MAX_TASKS = 200;

/** Returns the newest fan-out as a plan. @throws NOT_FOUND if there is none */
async function lastFanOut(context: Context, folder: string): Promise<PlanDraft> {
  const { tasks } = await context.report('tasks', { all: true, limit: MAX_TASKS });
  const task = tasks.findLast(({ fan_out: fanOut }) => fanOut !== null && !fanOut.serial);
  if (!task?.fan_out) throw new FleetError('NOT_FOUND', 'there is no fan-out yet');
  const { body } = await context.report('record', { id: task.fan_out.record });
  const text = planOfFanOut({ ...task, namespace: task.fan_out.namespace, body }, folder);
  const { diagnostics } = await context.checkPlan(text, NO_FLEET);
  return {
    text,
    subtasks: task.fan_out.subtasks,
    sources: [`the fan-out of ${task.alias}`],
    notes: diagnostics.map(({ message }) => message).slice(0, 10),
  };
}

/** Writes a new file. @throws CONFLICT if it exists */
async function writeNew(path: string, file: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx' });
  } catch (cause) {
    const isThere = systemCodeOf(cause) === 'EEXIST';
    throw new FleetError(
      isThere ? 'CONFLICT' : 'INVALID_RECORD',
      isThere
        ? `the file '${file}' exists already`
        : `the file '${file}' can't be written: ${messageOf(cause)}`,
      {
        details: { file },
        cause,
        ...(isThere ? { hint: 'Choose another name: spl plan init other.fanout.yaml' } : {}),
      },
    );
  }
}

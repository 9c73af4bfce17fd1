import type { ArchivedDocument } from '../../contract/documents.ts';
import { FleetError } from '../../errors.ts';
import { archivedLines } from '../render/runs.ts';
import { ensureFleet } from '../run/slots.ts';
import { defineVerb, toggle, words, type Context } from '../verb.ts';

export const archive = defineVerb({
  path: 'archive',
  summary: 'Remove finished tasks from lists',
  description:
    'Lists, the status and the editor leave archived tasks out. Their records and output stay, and spl task show still ' +
    'finds them. A task that runs again is no longer archived. Starts a fleet if none runs, as spl run does.',
  examples: [
    ['spl archive FIRST-001 "release #4"', 'archive some tasks'],
    ['spl archive --done', 'archive all finished tasks'],
    ['spl archive --undo FIRST-001', 'show a task in lists again'],
  ],
  positionals: { tasks: words('task', 'Tasks or runs: aliases, or release#4', 'runs') },
  flags: {
    done: toggle('--done', 'Archive all finished tasks'),
    undo: toggle('--undo', 'Show archived tasks in lists again'),
  },
  async run(context, { tasks, done, undo }) {
    if (done === tasks.length > 0 || (done && undo))
      throw new FleetError('USAGE', undo ? 'name the tasks to show again' : 'give either tasks or --done', {
        hint: undo ? 'spl task list --archived' : 'spl archive --done',
      });
    await ensureFleet(context);
    const archived = done
      ? await archiveDone(context)
      : await context.submit('archive', { tasks: [...tasks], namespace: null, undo });
    context.print(archived, () => archivedLines(archived, context.out.colours));
  },
});

/** Archives all finished tasks. One call of the engine archives a limited number. */
async function archiveDone(context: Context): Promise<ArchivedDocument> {
  const tasks: ArchivedDocument['tasks'] = [];
  for (;;) {
    const some = await context.submit('archive', { done: true, namespace: null, undo: false });
    tasks.push(...some.tasks);
    if (some.left === 0) return { ...some, tasks };
  }
}

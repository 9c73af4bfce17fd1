import { printLines } from '../context.ts';
import { defineVerb, word } from '../verb.ts';

/** Names for the completion scripts, a line each. What can't be asked completes to nothing, silently. */
export const completeNames = defineVerb({
  path: 'complete-names',
  summary: 'list names for the completion scripts',
  examples: [['spl complete-names tasks', 'the aliases of all tasks']],
  positionals: { kind: word('kind', 'tasks or instances') },
  flags: {},
  hidden: true,
  async run(context, { kind }) {
    try {
      if (kind === 'tasks') {
        const { tasks } = await context.report('tasks', { all: true });
        printLines(
          context.out,
          tasks.map(({ alias }) => alias),
        );
      } else if (kind === 'instances') {
        const { instances } = await context.report('fleet', {});
        printLines(
          context.out,
          instances.map(({ alias }) => alias),
        );
      }
    } catch {
      // A shell that completes has nowhere to show an error.
    }
  },
});

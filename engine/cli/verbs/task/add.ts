import { PRIORITIES } from '../../../contract/commands.ts';
import { taskAddedLines } from '../../render/task.ts';
import { inNamespace } from '../../used-namespace.ts';
import { choice, defineVerb, list, text, texts, word } from '../../verb.ts';
import { pathOf } from '../../settings.ts';

export const taskAdd = defineVerb({
  path: 'task add',
  summary: 'Add a task',
  description: 'The subtasks of the task run in its folder: --dir, or the current folder.',
  examples: [
    ['spl task add "Review the release" --alias REL-7', 'choose its alias'],
    ['spl task add "Publish it" --depends-on REL-7', 'block it until REL-7 is approved'],
    ['spl task add "Check the tree" --dir ~/src/app --priority high', 'run it in another folder'],
  ],
  positionals: { goal: word('goal', 'Goal of the task') },
  flags: {
    alias: text('--alias <name>', 'Name of the task (default: generated)'),
    priority: choice(
      '--priority <level>',
      'Priority: critical, high, medium or low (default: medium)',
      PRIORITIES,
    ),
    labels: texts('--label <label>', 'Label; repeatable'),
    domain: text('--domain <domain>', 'Domain of the task'),
    hypothesis: text('--hypothesis <text>', 'Expected result'),
    criteria: texts('--criteria <text>', 'Criterion for the review; repeatable'),
    namespace: text(
      '--namespace <id>',
      'Namespace (default: SPL_NAMESPACE, else the one in use)',
      'namespaces',
    ),
    dir: text('--dir <folder>', 'Folder in which it runs (default: the current folder)', 'folders'),
    dependsOn: list('--depends-on <tasks>', 'Tasks that must be approved first, comma-separated', 'tasks'),
  },
  async run(context, given) {
    const added = await inNamespace(context, given.namespace, namespace =>
      context.submit('task.add', {
        goal: given.goal,
        alias: given.alias,
        priority: given.priority ?? 'medium',
        labels: [...given.labels],
        domain: given.domain,
        hypothesis: given.hypothesis,
        criteria: [...given.criteria],
        namespace,
        dir: pathOf(given.dir ?? '.', context),
        ...(given.dependsOn.length === 0 ? {} : { depends_on: [...given.dependsOn] }),
      }),
    );
    context.print(added, () => taskAddedLines(added, context.out.colours));
  },
});

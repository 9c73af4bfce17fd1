import { taskAddedLines } from '../../render/task.ts';
import { inNamespace } from '../../used-namespace.ts';
import { choice, defineVerb, list, text, texts, word } from '../../verb.ts';
import { pathOf } from '../../settings.ts';

export const taskAdd = defineVerb({
  path: 'task add',
  summary: 'add a task',
  description: 'Its folder is where its subtasks run: the present one unless --dir names another.',
  examples: [
    ['spl task add "Review the release" --alias REL-7', 'with a name of your own'],
    ['spl task add "Publish it" --depends-on REL-7', 'it is blocked until REL-7 is approved'],
    ['spl task add "Check the tree" --dir ~/src/app --priority high', 'in another folder'],
  ],
  positionals: { goal: word('goal', 'what is to be reached') },
  flags: {
    alias: text('--alias <name>', 'a name for people; made up when left out'),
    priority: choice('--priority <level>', 'critical, high, medium or low (default: medium)', [
      'critical',
      'high',
      'medium',
      'low',
    ]),
    labels: texts('--label <label>', 'a label; may be repeated'),
    domain: text('--domain <domain>', 'the field that it belongs to'),
    hypothesis: text('--hypothesis <text>', 'what you expect'),
    criteria: texts('--criteria <text>', 'what it is judged by; may be repeated'),
    namespace: text(
      '--namespace <id>',
      'the namespace (default: SPL_NAMESPACE, else the one in use)',
      'namespaces',
    ),
    dir: text('--dir <folder>', 'where it runs (default: the present folder)', 'folders'),
    dependsOn: list(
      '--depends-on <tasks>',
      'tasks that must be approved first, with commas between',
      'tasks',
    ),
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

import { FleetError } from '../../../errors.ts';
import { printOutput } from '../../run/attempt-output.ts';
import { SUBTASK } from '../../subtask-option.ts';
import { defineVerb, maybeWord, number, text, toggle, word } from '../../verb.ts';

export const taskOutput = defineVerb({
  path: 'task output',
  summary: 'Print the output of a subtask',
  description:
    'Prints the output byte for byte. --json prints it as text, and --follow --json one chunk per line.',
  examples: [
    ['spl task output FIRST-001 0', 'print the output of the latest attempt'],
    ['spl task output FIRST-001 lint --follow', 'follow the output until the attempt ends'],
    ['spl task output FIRST-001 0 --attempt 1', 'print the output of the first attempt'],
  ],
  positionals: {
    task: word('task', 'Alias or id of the task, or a prefix of either', 'tasks'),
    name: maybeWord('subtask', SUBTASK),
  },
  flags: {
    subtask: text('--subtask <subtask>', 'The same, as an option'),
    attempt: number('--attempt <n>', 'Number of the attempt, from 1 (default: the latest)', {
      min: 1,
      max: 1_000_000,
      whole: true,
    }),
    follow: toggle('--follow', 'Follow the output until the attempt ends'),
  },
  async run(context, { task, name, subtask: flag, attempt, follow }) {
    const subtask = name ?? flag;
    if (subtask === null)
      throw new FleetError('USAGE', 'the subtask is missing', { hint: `spl task output ${task} 0` });
    if (flag !== null && name !== undefined)
      throw new FleetError('USAGE', `the subtask is given twice: ${name} and --subtask ${flag}`, {
        hint: `spl task output ${task} ${name}`,
      });
    return printOutput(context, { task, subtask, ...(attempt !== null && { attempt }), follow });
  },
});

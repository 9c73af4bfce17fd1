import { MAX_SUBTASKS } from '../../../subtask/subtask-ref.ts';
import { FleetError } from '../../../errors.ts';
import { defineVerb, number, word } from '../../verb.ts';

/** The assumed number of subtasks, which is more than most fan-outs have. */
const DEFAULT_SUBTASKS = 100;

export const exprCheck = defineVerb({
  path: 'expr check',
  summary: 'Check an expression of --join, without a fleet',
  description: 'Checks grammar, types and cost, as a fan-out does.',
  examples: [
    [`spl expr check 'accepted >= 2 && cost_usd < 5.0'`, 'check an expression'],
    ['spl expr check k_of_n:3 --subtasks 2', 'refuse a k larger than the number of subtasks'],
  ],
  positionals: { expression: word('expression', 'all, any, k_of_n:K or a CEL expression') },
  flags: {
    subtasks: number('--subtasks <n>', `Number of subtasks (default: ${DEFAULT_SUBTASKS})`, {
      min: 1,
      max: MAX_SUBTASKS,
      whole: true,
    }),
  },
  async run(context, { expression, subtasks }) {
    const total = subtasks ?? DEFAULT_SUBTASKS;
    const fault = await context.checkJoin(expression, total);
    if (fault !== null)
      throw new FleetError('INVALID_RECORD', fault.message, {
        details: { expression, position: fault.position, length: fault.length },
        hint: `Here: ${shown(expression, fault.position, fault.length)}`,
      });
    context.print({ expression, subtasks: total, valid: true }, () => [
      `${context.out.colours.green('✓')} valid for a fan-out of ${total} subtasks`,
    ]);
  },
});

/** Marks the faulty part of an expression. */
function shown(text: string, position: number, length: number): string {
  const end = position + Math.max(length, 1);
  return `${text.slice(0, position)}»${text.slice(position, end)}«${text.slice(end)}`;
}

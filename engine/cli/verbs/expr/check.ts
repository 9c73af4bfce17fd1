import { MAX_SUBTASKS } from '../../../contract/commands.ts';
import { FleetError } from '../../../errors.ts';
import { defineVerb, number, word } from '../../verb.ts';

/** As many as most fan-outs have at most. */
const DEFAULT_SUBTASKS = 100;

export const exprCheck = defineVerb({
  path: 'expr check',
  summary: 'check a join predicate, without a fleet',
  description: 'As a fan-out would check it: its grammar, its types, and that it ends in time.',
  examples: [
    [`spl expr check 'accepted >= 2 && cost_usd < 5.0'`, 'valid'],
    ['spl expr check k_of_n:3 --subtasks 2', 'refused: there are not so many'],
  ],
  positionals: { expression: word('expression', 'all, any, k_of_n:K or a CEL expression') },
  flags: {
    subtasks: number('--subtasks <n>', `of how many subtasks (default: ${DEFAULT_SUBTASKS})`, {
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

/** The expression with the faulty part between marks. */
function shown(text: string, position: number, length: number): string {
  const end = position + Math.max(length, 1);
  return `${text.slice(0, position)}»${text.slice(position, end)}«${text.slice(end)}`;
}

import { messageOf } from '../../errors.ts';
import { FleetError } from '../../errors.ts';
import { printLines } from '../context.ts';
import type { Check, CheckLevel, CheckResult } from '../host.ts';
import { doctorLines } from '../render/doctor.ts';
import { defineVerb, toggle, type Context } from '../verb.ts';

/** A check with what it found. */
export interface Finding extends CheckResult {
  readonly name: string;
}

const CODE: Readonly<Record<CheckLevel, number>> = { PASS: 0, WARN: 1, FAIL: 2 };

export const doctor = defineVerb({
  path: 'doctor',
  summary: 'check the machine, the home and the log',
  description:
    'Each check is PASS, WARN or FAIL and names the way out; the exit code is 0, 1 or 2 by the worst. It works ' +
    'without a coordinator.',
  examples: [
    ['spl doctor', 'check everything'],
    ['spl doctor --accept-loss', 'open a log that has lost its end, giving up what is missing'],
  ],
  positionals: {},
  flags: { acceptLoss: toggle('--accept-loss', 'give up the records that a shortened log has lost') },
  async run(context, { acceptLoss }) {
    const examiner = await context.doctor();
    if (acceptLoss) {
      const lost = await examiner.acceptLoss(context.settings.home);
      if (!context.settings.json) printLines(context.out, [`${context.out.colours.yellow('⚠')} ${lost}`]);
    }
    const findings: Finding[] = [];
    for (const check of examiner.checks) findings.push(await examine(check, context));
    const worst = Math.max(0, ...findings.map(({ level }) => CODE[level]));
    context.print({ checks: findings, worst: worstOf(worst) }, () =>
      doctorLines(findings, context.out.colours),
    );
    return worst;
  },
});

async function examine(check: Check, { settings, signal }: Context): Promise<Finding> {
  try {
    return { name: check.name, ...(await check.run(settings, signal)) };
  } catch (thrown) {
    const hint = FleetError.is(thrown) ? thrown.hint : undefined;
    return {
      name: check.name,
      level: 'FAIL',
      detail: messageOf(thrown),
      ...(hint !== undefined && { hint }),
    };
  }
}

const worstOf = (code: number): string => (['PASS', 'WARN', 'FAIL'] as const)[code] ?? 'PASS';

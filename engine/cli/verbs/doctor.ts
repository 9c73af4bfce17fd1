import { messageOf } from '../../errors.ts';
import { FleetError } from '../../errors.ts';
import { printLines } from '../context.ts';
import type { Check, CheckLevel, CheckResult } from '../host.ts';
import { doctorLines } from '../render/doctor.ts';
import { defineVerb, toggle, type Context } from '../verb.ts';

/** The result of a check, with its name. */
export interface Finding extends CheckResult {
  readonly name: string;
}

const CODE: Readonly<Record<CheckLevel, number>> = { PASS: 0, WARN: 1, FAIL: 2 };

export const doctor = defineVerb({
  path: 'doctor',
  summary: 'Check the machine, the home and the log',
  description:
    'Each check results in PASS, WARN or FAIL, with the way out. Exits with 0, 1 or 2 by the worst result. Works ' +
    'without a coordinator.',
  examples: [
    ['spl doctor', 'run all checks'],
    ['spl doctor --accept-loss', 'open a log that lost its end, and give up the missing records'],
  ],
  positionals: {},
  flags: { acceptLoss: toggle('--accept-loss', 'Give up the records that a shortened log lost') },
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

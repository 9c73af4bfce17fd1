import type { CheckLevel } from '../host.ts';
import type { Colours } from './colours.ts';

interface Finding {
  readonly name: string;
  readonly level: CheckLevel;
  readonly detail: string;
  readonly hint?: string;
}

/** Returns a line for each check, with the hint below a failed one. */
export function doctorLines(findings: readonly Finding[], colours: Colours): readonly string[] {
  const width = Math.max(0, ...findings.map(({ name }) => name.length));
  const paint = { PASS: colours.green, WARN: colours.yellow, FAIL: colours.red };
  const counts = (['PASS', 'WARN', 'FAIL'] as const).map(
    level => `${findings.filter(finding => finding.level === level).length} ${level}`,
  );
  return [
    ...findings.flatMap(({ name, level, detail, hint }) => [
      `${paint[level](level)}  ${name.padEnd(width)}  ${detail}`,
      ...(hint === undefined ? [] : [`      → ${hint}`]),
    ]),
    '',
    counts.join(' · '),
  ];
}

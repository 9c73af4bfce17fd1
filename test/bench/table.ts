import { reached, type Figure, type Target } from './figure.ts';

/**
 * Returns the figures as a table: a line for each figure, and below it a line for each further probe and for each rival
 * that was skipped.
 */
export function table(figures: readonly Figure[]): string {
  const rows = [HEADINGS, ...figures.flatMap(rowsOf)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map(row => row[column]!.length)));
  const lines = rows.map(row =>
    row
      .map((cell, i) => (i === 0 || i === 3 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  '),
  );
  lines.splice(1, 0, widths.map(width => '─'.repeat(width)).join('  '));
  return lines.map(line => line.trimEnd() + '\n').join('');
}

const HEADINGS = [
  'figure',
  'reached',
  'min … max',
  'probe',
  'probe reached',
  'ratio',
  'target',
  'met',
] as const;

function rowsOf(figure: Figure): string[][] {
  const { name, value, unit, spread, probes, skipped = [], target } = figure;
  const met = reached(figure);
  const besides = [
    ...probes.map(probe => [probe.name, amount(probe.value, unit), number(value / probe.value)]),
    ...skipped.map(rival => [rival.name, rival.why, '–']),
  ];
  return besides.map((beside, i) =>
    i > 0
      ? ['', '', '', ...beside, '', '']
      : [
          name,
          amount(value, unit),
          spread.runs === 1 ? '' : `${number(spread.min)} … ${number(spread.max)}`,
          ...beside,
          target === null ? '–' : goal(target, unit),
          met === null ? '–' : met ? 'yes' : 'NO',
        ],
  );
}

const goal = (target: Target, unit: string): string =>
  'atLeast' in target ? `≥ ${amount(target.atLeast, unit)}` : `≤ ${amount(target.atMost, unit)}`;

const amount = (value: number, unit: string): string => `${number(value)} ${unit}`;

/** Formats a number with three significant digits, and without a fraction from 100 on. */
function number(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}

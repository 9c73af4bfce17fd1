/**
 * Prints what a person types for nine daily jobs, with `spl` and with its peers: `npm run -s bench:keystrokes`. A `!`
 * marks a job for which a peer needs fewer keys.
 */
import { JOBS, keystrokes, TOOLS, type Job, type Typed } from './keystroke-jobs.ts';

const WIDTH = Math.max(...TOOLS.map(({ length }) => length));

for (const job of JOBS) process.stdout.write(`${linesOf(job).join('\n')}\n\n`);
const longer = JOBS.filter(job => bestPeer(job) < keystrokes(job.spl));
process.stdout.write(
  `spl needs the fewest keys for ${JOBS.length - longer.length} of ${JOBS.length} jobs.\n`,
);

function linesOf(job: Job): readonly string[] {
  const best = bestPeer(job);
  const mark = keystrokes(job.spl) > best ? `! ${keystrokes(job.spl) - best} more than the best peer` : '';
  const rows = TOOLS.map(tool => lineOf(tool, tool === 'spl' ? job.spl : job.peers[tool]));
  return [`${job.name}${mark === '' ? '' : `  ${mark}`}`, ...rows];
}

function lineOf(tool: string, typed: Typed | undefined): string {
  const head = `  ${tool.padEnd(WIDTH)}`;
  if (typed === undefined) return `${head}    –`;
  const { command, file, option, note } = typed;
  const more = [
    file === undefined ? '' : `with a file of ${file.length} characters`,
    option === undefined ? '' : `the first run had${option}`,
    note ?? '',
  ];
  const remarks = more.filter(text => text !== '').join('; ');
  return `${head}  ${String(keystrokes(typed)).padStart(3)}  ${command}${remarks === '' ? '' : `   (${remarks})`}`;
}

function bestPeer({ peers }: Job): number {
  return Math.min(...Object.values(peers).map(keystrokes));
}

import { readFanOut } from '../../client/fan-out.ts';
import { isUnaccepted, type ChildDocument } from '../../contract/documents.ts';
import type { OutputStream } from '../../contract/engine.ts';
import { printable } from '../../contract/format.ts';
import { FleetError } from '../../errors.ts';
import { printJson, printLines } from '../context.ts';
import { printOutput, textOf } from '../run/attempt-output.ts';
import { labelOf, prefixes } from '../run/labels.ts';
import { LineComposer } from '../run/line-composer.ts';
import { RUN, runOrNewest } from '../run/newest-run.ts';
import { lostLines } from '../run/summary.ts';
import { SUBTASK } from '../subtask-option.ts';
import { defineVerb, maybeWord, type Context } from '../verb.ts';

export const output = defineVerb({
  path: 'output',
  summary: 'Print the output of what did not pass in a run, or of one subtask',
  description:
    'Without a subtask, prints those that did not pass, or all if there is none. The output of one is printed byte for ' +
    'byte; that of several has the name of its subtask before each line. spl task output also follows an attempt, and ' +
    'prints earlier ones.',
  examples: [
    ['spl output', 'print what did not pass in the newest run of this folder'],
    ['spl output release test', 'print a subtask of the newest run of release'],
    ['spl output "release #4" test | less', 'read a subtask of a certain run in a pager'],
  ],
  positionals: { run: RUN, subtask: maybeWord('subtask', SUBTASK) },
  flags: {},
  async run(context, { run, subtask }) {
    const task = await runOrNewest(context, run);
    if (subtask !== undefined) return printOutput(context, { task, subtask, follow: false });
    const { engine } = await context.client();
    const { alias, thread, children } = await readFanOut(engine, task, context.signal);
    const begun = children.filter(({ attempt }) => attempt > 0);
    const failed = begun.filter(isUnaccepted);
    const unrun = children.filter(({ attempt, verdict }) => attempt === 0 && verdict === 'failed');
    const shown = failed.length + unrun.length === 0 ? begun : failed;
    if (context.settings.json) return printDocument(context, alias, thread, shown);
    printLines(context.err, unrun.map(unrunLine));
    const [only] = shown;
    if (only === undefined) {
      if (unrun.length === 0) printLines(context.err, [`· nothing of ${alias} has run yet`]);
      return;
    }
    if (shown.length > 1) return printAll(context, thread, shown);
    printLines(context.err, lostLines(only));
    return printOutput(context, { task: thread, subtask: only.index, attempt: only.attempt, follow: false });
  },
});

/** Says why a subtask failed without an attempt, as one does whose matrix has no values. */
const unrunLine = (child: ChildDocument): string =>
  `· ${labelOf(child)} was not run${child.reason === null ? '' : `: ${printable(child.reason)}`}`;

/** Prints the output of several subtasks, one after another, with the name of each before its lines. */
async function printAll(
  { out, ...context }: Context,
  thread: string,
  shown: readonly ChildDocument[],
): Promise<void> {
  const prefixOf = prefixes(shown, out.colours);
  for (const child of shown) {
    const stream = await streamOf(context, thread, child);
    if (stream === null) continue;
    const composer = new LineComposer(prefixOf(child));
    for (const line of lostLines(child)) out.write(`${prefixOf(child)}${line}\n`);
    for await (const chunk of stream.chunks) {
      out.write(composer.push(chunk));
      await out.flush();
    }
    out.write(composer.end());
  }
}

async function printDocument(
  context: Context,
  task: string,
  thread: string,
  shown: readonly ChildDocument[],
): Promise<void> {
  const outputs: object[] = [];
  for (const child of shown) {
    const stream = await streamOf(context, thread, child);
    if (stream !== null) outputs.push({ ...stream.info, name: child.name, output: await textOf(stream) });
  }
  printJson(context.out, { task, outputs });
}

/** Opens the output of the last attempt; null if it was lost before it wrote anything. */
async function streamOf(
  { client, signal }: Pick<Context, 'client' | 'signal'>,
  task: string,
  { index, attempt }: ChildDocument,
): Promise<OutputStream | null> {
  const { engine } = await client();
  return engine.output({ task, subtask: index, attempt, follow: false, signal }).catch((thrown: unknown) => {
    if (FleetError.is(thrown, 'NOT_FOUND')) return null;
    throw thrown;
  });
}

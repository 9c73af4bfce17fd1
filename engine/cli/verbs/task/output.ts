import { FleetError } from '../../../errors.ts';
import { printable } from '../../../contract/format.ts';
import { printJson, printLines } from '../../context.ts';
import { SUBTASK } from '../../subtask-option.ts';
import { defineVerb, number, text, toggle, word, type Context } from '../../verb.ts';
import type { OutputStream } from '../../../contract/engine.ts';

export const taskOutput = defineVerb({
  path: 'task output',
  summary: 'Print the output of a subtask',
  description:
    'Prints the output byte for byte. --json prints it as text, and --follow --json one chunk per line.',
  examples: [
    ['spl task output FIRST-001 --subtask 0', 'print the output of the latest attempt'],
    ['spl task output FIRST-001 --subtask lint --follow', 'follow the output until the attempt ends'],
    ['spl task output FIRST-001 --subtask 0 --attempt 1', 'print the output of the first attempt'],
  ],
  positionals: { task: word('task', 'Alias or thread id, or a prefix of either', 'tasks') },
  flags: {
    subtask: text('--subtask <subtask>', SUBTASK),
    attempt: number('--attempt <n>', 'Number of the attempt, from 1 (default: the latest)', {
      min: 1,
      max: 1_000_000,
      whole: true,
    }),
    follow: toggle('--follow', 'Follow the output until the attempt ends'),
  },
  async run(context, { task, subtask, attempt, follow }) {
    if (subtask === null) {
      throw new FleetError('USAGE', '--subtask is missing', {
        hint: `spl task output ${task} --subtask 0`,
      });
    }
    const { engine } = await context.client();
    const stream = await engine.output({
      task,
      subtask,
      ...(attempt !== null && { attempt }),
      follow,
      signal: context.signal,
    });
    if (context.settings.json) return printAsJson(context, stream, follow);
    if (!(await printBytes(context, stream))) printLines(context.err, [await silence(context, task, stream)]);
  },
});

/** Prints the output. @returns false if it is empty */
async function printBytes({ out }: Context, { chunks }: OutputStream): Promise<boolean> {
  let isAny = false;
  for await (const chunk of chunks) {
    isAny ||= chunk.length > 0;
    out.write(chunk);
    await out.flush();
  }
  return isAny;
}

/**
 * Returns the line for an attempt without output, with the full reason for its end. Join statuses shorten long reasons.
 */
async function silence(context: Context, task: string, { info }: OutputStream): Promise<string> {
  const { children } = await context.report('join', { task, summary: false });
  const child = children.find(({ index }) => index === info.subtask);
  const ended = [child, ...(child?.earlier_attempts ?? [])].find(each => each?.attempt === info.attempt);
  const reason = info.running || !ended?.reason ? '' : `: ${printable(ended.reason.trim())}`;
  const subject = child?.name ? `'${printable(child.name)}'` : `subtask ${info.subtask}`;
  return `· ${subject}, attempt ${info.attempt} ${info.running ? 'has printed nothing yet' : 'printed nothing'}${reason}`;
}

async function printAsJson({ out }: Context, stream: OutputStream, follow: boolean): Promise<void> {
  const decoder = new TextDecoder();
  let whole = '';
  if (follow) printJson(out, stream.info);
  for await (const chunk of stream.chunks) {
    const text = decoder.decode(chunk, { stream: true });
    await out.flush();
    if (follow) printJson(out, { chunk: text });
    else whole += text;
  }
  const rest = decoder.decode();
  if (!follow) printJson(out, { ...stream.info, output: whole + rest });
  else if (rest !== '') printJson(out, { chunk: rest });
}

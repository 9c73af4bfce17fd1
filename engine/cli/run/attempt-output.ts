import type { OutputRequest, OutputStream } from '../../contract/engine.ts';
import { printable } from '../../contract/format.ts';
import { printJson, printLines } from '../context.ts';
import type { Context } from '../verb.ts';

/** Prints the output of an attempt byte for byte; with `--json` as text. Says so if it is empty. */
export async function printOutput(context: Context, request: Omit<OutputRequest, 'signal'>): Promise<void> {
  const { engine } = await context.client();
  const stream = await engine.output({ ...request, signal: context.signal });
  if (context.settings.json) return printAsJson(context, stream, request.follow);
  if (!(await printBytes(context, stream)))
    printLines(context.err, [await silence(context, request.task, stream)]);
}

/** Reads the whole output of an attempt as text. */
export async function textOf({ chunks }: OutputStream): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of chunks) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}

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

import { randomBytes } from 'node:crypto';
import { FleetError } from '../../errors.ts';
import { MAX_PAGE } from '../../operations/operation.ts';
import type { Context } from '../verb.ts';
import { pages } from '../pages.ts';
import { inNamespace } from '../used-namespace.ts';
import { defineVerb, text, word, type Verb } from '../verb.ts';
import { repeatedKey } from '../../contract/unique-keys.ts';

/** The commands that write a record by hand, one per act. */

export const intend = writing('INTEND', 'Record a goal', 'Ship 1.2 on Friday');
export const doAct = writing('DO', 'Record an action', 'Deployed build 4711');
export const know = writing('KNOW', 'Record an observation or a verdict', 'p99 is 8 ms');
export const learn = writing('LEARN', 'Record a decision', 'Releases need two reviews');

type Act = 'INTEND' | 'DO' | 'KNOW' | 'LEARN';

function writing(act: Act, summary: string, example: string): Verb {
  const verb = act.toLowerCase();
  return defineVerb({
    path: verb,
    summary,
    description:
      'Writes a record on a new thread, or on --thread. A record can’t be changed: write another one to correct it.',
    examples: [
      [`spl ${verb} "${example}"`, 'write on a new thread'],
      [`spl ${verb} "${example}" --thread th_release --body '{"build":4711}'`, 'add a body'],
    ],
    positionals: { text: word('text', 'Text of the record') },
    flags: {
      thread: text('--thread <thread>', 'Thread id or task (default: a new thread)', 'tasks'),
      body: text('--body <json>', 'JSON object with further members of the body'),
      namespace: text(
        '--namespace <id>',
        'Namespace of the record (default: SPL_NAMESPACE, else the one in use)',
        'namespaces',
      ),
    },
    async run(context, { text, thread, body, namespace }) {
      const on = thread === null ? newThread() : await threadOf(context, thread);
      const { id, clock } = await inNamespace(context, namespace, used =>
        append(context, act, on, bodyOf(text, body, namespace, used)),
      );
      context.print({ thread: on, record: id, act, clock }, () => [
        `${context.out.colours.green('✓')} ${act} written on ${on}`,
        `  record ${id}`,
      ]);
    },
  });
}

const newThread = (): string => `th_${randomBytes(32).toString('hex')}`;

/**
 * Resolves `--thread`. A thread id is used unchanged, even if the thread has no record yet. Anything else names a task.
 */
async function threadOf(context: Context, name: string): Promise<string> {
  return name.startsWith('th_') ? name : (await context.report('task', { task: name })).thread;
}

/** Returns the body of the record. @param used the namespace for a body that names none */
function bodyOf(text: string, json: string | null, namespace: string | null, used: string | null): object {
  const more = json === null ? {} : parseObject(json);
  for (const [member, given] of Object.entries({ text, namespace }))
    if (given !== null && Object.hasOwn(more, member))
      throw new FleetError('USAGE', `--body has the member '${member}', which is given twice`, {
        details: { member },
        hint: `Leave '${member}' out of --body.`,
      });
  return { text, ...(used === null ? {} : { namespace: used }), ...more };
}

function parseObject(json: string): object {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new FleetError('USAGE', `--body is not JSON: ${(cause as Error).message}`, {
      hint: `Write it in single quotes: --body '{"build":4711}'`,
      cause,
    });
  }
  const twice = repeatedKey(json);
  if (twice !== undefined) throw new FleetError('USAGE', `--body has the member '${twice.key}' twice`);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new FleetError('USAGE', '--body is not a JSON object');
}

/** The number of attempts to get a clock. Another writer may take the same clock at the same moment. */
const TRIES = 10;

/** Appends a record with the next clock of its actor on its thread. */
async function append(
  context: Context,
  act: Act,
  thread: string,
  body: object,
): Promise<{ readonly id: string; readonly clock: number }> {
  const { actor } = await context.client();
  for (let left = TRIES; left > 0; left--) {
    const clock = await nextClock(context, thread, actor);
    const record = { act, actor, thread, clock, data_type: 'SCALAR', body };
    try {
      const { stored } = await context.submit('records.append', { records: [record] });
      const { id, existed } = stored[0]!;
      // Another process wrote an identical record at the same moment.
      if (!existed) return { id, clock };
    } catch (thrown) {
      if (!FleetError.is(thrown, 'CONFLICT')) throw thrown;
    }
  }
  throw new FleetError('CONFLICT', `other writers keep using the same actor on ${thread}`, {
    details: { thread, actor },
    hint: 'Try again, or act as somebody else: --actor.',
  });
}

async function nextClock(context: Context, thread: string, actor: string): Promise<number> {
  let last = -1;
  const filter = { thread, actor, limit: MAX_PAGE };
  for await (const { records } of pages(place => context.report('records', { ...filter, ...place })))
    for (const { clock } of records) last = Math.max(last, clock);
  return last + 1;
}

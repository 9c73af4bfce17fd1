import * as v from 'valibot';
import { ruleTestSchema, type RuleTest } from '../../../contract/commands.ts';
import { FleetError } from '../../../errors.ts';
import { EXIT } from '../../exit-codes.ts';
import { ruleTestedLines } from '../../render/rule.ts';
import { defineVerb, maybeWord, text } from '../../verb.ts';

export const ruleTest = defineVerb({
  path: 'rule test',
  summary: 'Test whether the rules allow a record',
  description:
    'Writes nothing. Describe the record by options or by a JSON object with actor, act, namespace, thread and body. Options override the object. Exits with 4 if the rules refuse the record.',
  examples: [
    ['spl rule test --act PUT --namespace acme', 'test a record of your own'],
    [`spl rule test '{"act":"INTEND","body":{"topic":"task","goal":"x"}}'`, 'test a task add'],
  ],
  positionals: { record: maybeWord('record', 'JSON object') },
  flags: {
    act: text('--act <act>', 'INTEND, DO, KNOW, LEARN, GET, PUT, CALL or MAP (default: INTEND)'),
    namespace: text('--namespace <id>', 'Namespace (default: default)', 'namespaces'),
  },
  async run(context, { record, act, namespace }) {
    const { actor } = await context.client();
    const given = { act: 'INTEND', ...(record === undefined ? {} : parseObject(record)) };
    const tested = await context.report(
      'rule.test',
      decode({
        actor,
        ...given,
        ...(context.settings.actor === null ? {} : { actor }),
        ...(act === null ? {} : { act }),
        ...(namespace === null ? {} : { namespace }),
      }),
    );
    context.print(tested, () => ruleTestedLines(tested, context.out.colours));
    return tested.allowed ? EXIT.done : EXIT.refused;
  },
});

function decode(value: object): RuleTest {
  const result = v.safeParse(ruleTestSchema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new FleetError('USAGE', `the record is wrong: '${v.getDotPath(issue) ?? ''}' ${issue.message}`);
}

function parseObject(json: string): object {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch (cause) {
    throw new FleetError('USAGE', `the record is not JSON: ${(cause as Error).message}`, { cause });
  }
  throw new FleetError('USAGE', 'the record is not a JSON object');
}

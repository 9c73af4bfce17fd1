import { parse, TomlError } from 'smol-toml';
import * as v from 'valibot';
import { policySchema, type Policy } from '../contract/policy.ts';
import { FleetError, messageOf } from '../errors.ts';
import { didYouMean } from '../record/near-names.ts';
import { repeatedKey } from '../contract/unique-keys.ts';

/**
 * Reads the text of a policy: JSON if the file's name ends in `.json`, otherwise TOML.
 * @param file the name of the file in errors
 * @throws INVALID_RECORD with the file and the line, or the key and its expected value
 */
export function parsePolicy(text: string, file: string): Policy {
  const parsed = file.endsWith('.json') ? parseJson(text, file) : parseToml(text, file);
  const result = v.safeParse(policySchema, parsed, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  const key = v.getDotPath(issue) ?? '';
  const what =
    issue.type !== 'strict_object'
      ? `${key === '' ? 'it' : key} ${issue.message}`
      : issue.expected === 'never'
        ? `unknown key '${key}'${didYouMean(key.split('.').at(-1)!, KEYS)}`
        : `${key === '' ? 'it' : `'${key}'`} must be ${file.endsWith('.json') ? 'an object' : 'a table'}`;
  throw invalid(file, what);
}

const KEYS = [
  ...['allow', 'deny', 'limits', 'acts', 'executors', 'targets'],
  ...['max_children', 'max_parallel', 'budget_usd', 'timeout_secs'],
];

const SHAPE = [
  'A policy may have allow and deny, each with acts, executors and targets,',
  'and limits with max_children, max_parallel, budget_usd and timeout_secs.',
].join(' ');

function parseJson(text: string, file: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid(file, `it is not JSON: ${messageOf(cause)}`, cause);
  }
  const twice = repeatedKey(text);
  if (twice !== undefined) throw invalid(file, `'${twice.key}' is given twice`);
  return value;
}

function parseToml(text: string, file: string): unknown {
  try {
    return parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const what = cause.message.split('\n', 1)[0]!.replace(/^Invalid TOML document: /, '');
    throw invalid(file, `it is not TOML at line ${cause.line}, column ${cause.column}: ${what}`, cause);
  }
}

function invalid(file: string, what: string, cause?: unknown): FleetError {
  return new FleetError('INVALID_RECORD', `policy '${file}': ${what}`, {
    details: { file },
    hint: SHAPE,
    ...(cause === undefined ? {} : { cause }),
  });
}

import * as v from 'valibot';
import { notAList } from '../record/not-a-list.ts';
import { MAX_GOAL_CHARS, text } from '../record/values.ts';

/** The maximum number of variables of a command. */
const MAX_VARIABLES = 1_000;

export const variableNameSchema = v.pipe(
  v.string('must be text'),
  v.regex(/^[A-Za-z_][A-Za-z0-9_]{0,255}$/, 'must be the name of a variable: letters, digits and _'),
);
export const variableSchema = text(MAX_GOAL_CHARS);

const VARIABLES = 'must be an object of texts: {"NAME": "value"}';

/** Environment variables of a subtask's commands. They are recorded, so they must not contain secrets. */
export const envSchema = v.pipe(
  notAList(v.record(variableNameSchema, variableSchema, VARIABLES), VARIABLES),
  v.check(env => Object.keys(env).length <= MAX_VARIABLES, `must have at most ${MAX_VARIABLES} variables`),
);

export type Variables = v.InferOutput<typeof envSchema>;

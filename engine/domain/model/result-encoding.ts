import type { Json, JsonObject } from '../../record/canonical.ts';
import { TOPIC, type ResultFields } from './record-bodies.ts';

/**
 * Writes the bodies of every delivery that ends. They are built member by member, in order and without null members: at
 * tens of thousands of results per second, copying objects is the main cost.
 */

type Members = { [key: string]: Json };

/** Returns the body of the worker's own KNOW. */
export function resultBody(result: ResultFields, attempt: number): JsonObject {
  const body = begun(result, attempt);
  if (result.exit_code != null) body['exit_code'] = result.exit_code;
  if (result.inputs_digest !== undefined) body['inputs_digest'] = result.inputs_digest;
  if (result.left_group !== undefined) body['left_group'] = result.left_group;
  addRest(body, result);
  body['topic'] = TOPIC.childResult;
  body['verdict'] = result.verdict;
  body['wall_time_secs'] = result.wall_time_secs;
  if (result.work !== undefined) body['work'] = result.work;
  return body;
}

/** Returns the body of the DO with which a worker reports. */
export function doneBody(
  result: ResultFields,
  index: number,
  attempt: number,
  delivery: number,
  lost: boolean,
): JsonObject {
  const body = begun(result, attempt);
  body['delivery'] = delivery;
  if (result.exit_code != null) body['exit_code'] = result.exit_code;
  body['index'] = index;
  if (result.inputs_digest !== undefined) body['inputs_digest'] = result.inputs_digest;
  if (result.left_group !== undefined) body['left_group'] = result.left_group;
  if (lost) body['lost'] = true;
  addRest(body, result, result.results);
  body['topic'] = TOPIC.childDone;
  body['verdict'] = result.verdict;
  body['wall_time_secs'] = result.wall_time_secs;
  if (result.work !== undefined) body['work'] = result.work;
  return body;
}

function begun({ asks, cost_unknown: isUnknown, cost_usd: cost }: ResultFields, attempt: number): Members {
  const body: Members = asks === undefined ? { attempt } : { asks, attempt };
  if (isUnknown === true) body['cost_unknown'] = true;
  body['cost_usd'] = cost;
  return body;
}

function addRest(body: Members, result: ResultFields, results?: JsonObject): void {
  const { output, outputs_digest: outputs, quota, reason, reused, session, signal, summary, tokens } = result;
  if (output !== undefined) body['output'] = output;
  if (outputs !== undefined) body['outputs_digest'] = outputs;
  if (quota !== undefined) body['quota'] = quota;
  if (reason != null) body['reason'] = reason;
  if (results !== undefined) body['results'] = results;
  if (reused !== undefined) body['reused'] = reused;
  if (session !== undefined) body['session'] = session;
  if (signal != null) body['signal'] = signal;
  if (summary !== undefined) body['summary'] = summary;
  if (tokens !== undefined) body['tokens'] = tokens;
}

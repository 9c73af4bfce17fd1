import assert from 'node:assert/strict';
import { Validator } from '@seriousme/openapi-schema-validator';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import * as v from 'valibot';
import { runs } from '../../test/runs.ts';
import { subtaskSchema } from '../subtask/subtask.ts';
import { recordSchema } from '../record/record.ts';
import { openApi } from './openapi.ts';
import { loadOperations, type RouteName } from '../operations/index.ts';
import { allowed, bodyOf, faultOf, OFFERED, spoilt } from './testing/documented.ts';

const operations = await loadOperations();

describe('the OpenAPI document', () => {
  it('is valid, in version 3.1', async () => {
    const { valid, errors } = await new Validator().validate(openApi(operations));
    assert.ok(valid, JSON.stringify(errors));
  });

  it('has every route of the tables, and no other', () => {
    assert.deepEqual(
      OFFERED.map(({ method, path, operationId }) => [
        operationId,
        method,
        path.replace(/\{(\w+)\}/g, ':$1'),
      ]).sort(),
      operations.all.map(({ name, method, path }) => [name, method, path]).sort(),
    );
  });

  it('allows exactly the bodies that decode', () => {
    const verdicts = { taken: 0, refused: 0 };
    const numRuns = runs(100);
    for (const offered of OFFERED) {
      const schema = bodyOf(offered);
      const decodes = decoderOf(offered.operationId);
      if (schema === undefined || decodes === undefined) continue;
      const some = allowed(schema).chain(value => fc.oneof(fc.constant(value), spoilt(value)));
      fc.assert(
        fc.property(some, value => {
          // The members of a list have no names. The gate refuses a list before it is decoded.
          if (Array.isArray(value)) return;
          const fault = faultOf(schema, value);
          verdicts[fault === '' ? 'taken' : 'refused']++;
          assert.equal(decodes(value), fault === '', `${offered.operationId}: ${fault}`);
        }),
        { numRuns },
      );
    }
    assert.ok(verdicts.taken > 5 * numRuns && verdicts.refused > 5 * numRuns, JSON.stringify(verdicts));
  });
});

describe('the variables of a fan-out', () => {
  it('must not be a list', () => {
    const subtask = { goal: 'x', run: 'true' };
    for (const body of [{ subtasks: [subtask], env: [] }, { subtasks: [{ ...subtask, env: [] }] }]) {
      assert.equal(decoderOf('task.fan-out')?.(body), false, JSON.stringify(body));
      assert.equal(decoderOf('fan-out.open')?.({ goal: 'x', fan_out: body }), false, JSON.stringify(body));
    }
    assert.equal(decoderOf('task.fan-out')?.({ subtasks: [{ ...subtask, env: {} }], env: {} }), true);
  });
});

/** Returns a function that checks whether the body of a route decodes. The rules decode the subtasks of a fan-out. */
function decoderOf(name: RouteName): ((value: unknown) => boolean) | undefined {
  if (name === 'records.append') return isRecord;
  const schema = operations.all.find(each => each.name === name)?.body;
  if (schema === undefined) return undefined;
  return value => {
    if (!v.is(schema, value)) return false;
    const body = value as object;
    if (name === 'task.fan-out') return areSubtasks(body);
    return !('fan_out' in body) || areSubtasks(body.fan_out as object);
  };
}

const areSubtasks = (fanOut: object): boolean =>
  'subtasks' in fanOut && (fanOut.subtasks as unknown[]).every(each => v.is(subtaskSchema, each));

/**
 * Returns true if the value has the form of a record. Corrects the order of its parents, which a schema cannot express.
 */
function isRecord(value: unknown): boolean {
  const { parents, ...rest } = Object(value) as { readonly parents?: unknown };
  if (!Array.isArray(parents)) return v.is(recordSchema, value);
  return v.is(recordSchema, { ...rest, parents: [...new Set(parents)].sort() });
}

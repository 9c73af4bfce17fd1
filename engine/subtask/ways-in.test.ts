import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { checkPlan } from '../check-plan.ts';
import { NO_FLEET } from '../cli/plans.ts';
import { connect, type EngineClient } from '../client/client.ts';
import { BARE_FAN_OUT, BARE_TASK } from '../contract/testing/requests.ts';
import { TOPIC } from '../domain/model/record-bodies.ts';
import { FleetError } from '../errors.ts';
import { homePaths } from '../home/paths.ts';
import { openCoordinator, type RunningCoordinator } from '../open.ts';
import { parseDescriptor } from '../plan/descriptor.ts';
import { SUBTASK_KEYS } from '../plan/plan-keys.ts';
import type { JsonObject } from '../record/canonical.ts';
import type { Did, ThreadId } from '../record/ids.ts';
import { seal } from '../record/record.ts';
import { checkDelivery, isDeliveryBody } from '../runtime/link/bodies.ts';
import { BODY_KEYS, DELIVERED, MEMBERS } from './subtask.ts';
import type { Kind } from './table.ts';

/** Values of a wrong kind, which every way in must refuse. */
const WRONG: Readonly<Record<Kind, readonly unknown[]>> = {
  text: [1, true, ['x'], { x: 1 }],
  choice: ['sideways', 1, ['x']],
  amount: ['1', -1, true, [1]],
  seconds: ['1', 0, -1, true, [1]],
  count: ['1', 1.5, -1, true],
  flag: ['true', 1, []],
  names: [{ x: 1 }, [true], [-1], 1],
  globs: [{ x: 1 }, [true], 1, [{}]],
  variables: [1, [], ['A=1'], 'A=1', { A: 1 }],
  values: [1, 'x', [1], {}, { A: 1 }, { A: ['x'] }, { A: 'x' }, { 'a b': '${{ subtasks.n.results.x }}' }],
};

/** The wrong values as text after `key=`. There a text is wrong only when empty. */
const WRONG_TEXTS: Readonly<Record<Kind, readonly string[]>> = {
  text: [''],
  choice: ['sideways', ''],
  amount: ['x', '-1', ''],
  seconds: ['x', '0', ''],
  count: ['x', '1.5', ''],
  flag: [''],
  names: ['', '0+'],
  globs: ['', 'a+', '/a', 'a/../b', '!a'],
  variables: ['A', '{"A":"1"}'],
  values: ['', 'x', '${{ env.HOME }}'],
};

/** The wrong values as YAML. */
const WRONG_YAML: Readonly<Record<Kind | 'subtasks' | 'params', readonly string[]>> = {
  text: ['[x]', '{ x: 1 }'],
  choice: ['sideways', '[failed]'],
  amount: ['x', '-1', '[1]'],
  seconds: ['x', '0', '[1]'],
  count: ['x', '1.5', '[1]'],
  flag: ['x'],
  names: ['{ x: 1 }', '[[x]]'],
  globs: ['{ x: 1 }', '[[x]]', '/a', '[]'],
  variables: ['x', '[x]', '{ A: [1] }'],
  values: [
    'x',
    '[x]',
    '{ A: x }',
    '${{ env.A }}',
    '{ A: "${{ env.A }}" }',
    '{ A: "a ${{ subtasks.n.results.x }}" }',
  ],
  subtasks: ['x'],
  params: ['x'],
};

/** A way in for subtasks. */
interface WayIn<Value = unknown> {
  readonly name: string;
  /** The keys that it accepts, each with values that it must refuse. */
  readonly keys: readonly (readonly [key: string, wrong: readonly Value[]])[];
  readonly sound: Readonly<Record<string, Value>>;
  /** Submits a subtask. @returns the key it was refused for; null when it was accepted */
  readonly offer: (subtask: Readonly<Record<string, Value>>) => string | null | Promise<string | null>;
}

/** Returns the keys with a wrong value that the way in accepts, or refuses for another key. */
async function unchecked<Value>({ keys, sound, offer }: WayIn<Value>): Promise<string[]> {
  const taken = new Set<string>();
  for (const [key, wrong] of keys)
    for (const value of wrong) if ((await offer({ ...sound, [key]: value })) !== key) taken.add(key);
  return [...taken];
}

/** A way in that ignores one key. */
const blindTo = <Value>(way: WayIn<Value>, blind: string): WayIn<Value> => ({
  ...way,
  offer: subtask => {
    const { [blind]: _, ...rest } = subtask;
    return way.offer({ ...rest, ...(blind in way.sound && { [blind]: way.sound[blind]! }) });
  },
});

const COORDINATOR = 'did:sync:instance:00000000000000cc' as Did;
const WORKER = 'did:sync:instance:00000000000000aa' as Did;

const link: WayIn = {
  name: 'the link to a worker',
  keys: DELIVERED.map(({ field, kind }) => [field, WRONG[kind]]),
  sound: {
    ...{ topic: TOPIC.child, parent_thread: 'th_parent', task: 'T', index: 0, attempt: 1, worker: WORKER },
    ...{ goal: 'x', executor: 'echo' },
  },
  offer(subtask) {
    const body = subtask as JsonObject;
    const content = { act: 'INTEND', actor: COORDINATOR, body, clock: 0, data_type: 'SCALAR' } as const;
    const { record } = seal({ ...content, parents: [], thread: 'th_child' as ThreadId });
    return refusedFor(
      () => checkDelivery(record, COORDINATOR, WORKER),
      ({ message }) => /invalid delivery: (\w+)/.exec(message)![1]!,
    );
  },
};

function refusedFor(attempt: () => unknown, keyOf: (fault: FleetError) => string): string | null {
  try {
    attempt();
    return null;
  } catch (thrown) {
    assert.ok(thrown instanceof FleetError, String(thrown));
    return keyOf(thrown);
  }
}

const faultIn = (text: string): string | null => {
  const result = parseDescriptor(text);
  return result.ok ? null : result.fault.key;
};

const descriptor: WayIn<string> = {
  name: 'a descriptor of keys and values',
  keys: BODY_KEYS.map(({ key, kind }) => [key, WRONG_TEXTS[kind]]),
  sound: { goal: 'x' },
  offer: subtask =>
    faultIn(
      Object.entries(subtask)
        .map(([key, value]) => `${key}="${value.replaceAll('"', '\\"')}"`)
        .join(','),
    ),
};

const json: WayIn = {
  name: 'a descriptor in JSON',
  keys: BODY_KEYS.map(({ key, kind }) => [key, WRONG[kind]]),
  sound: { goal: 'x' },
  offer: subtask => faultIn(JSON.stringify(subtask)),
};

const plan: WayIn<string> = {
  name: 'a plan file',
  keys: Array.from(SUBTASK_KEYS.values(), ({ key, kind }) => [key, WRONG_YAML[kind]]),
  sound: { name: 'n' },
  offer(subtask) {
    const keys = Object.entries(subtask);
    const text = `goal: g\nsubtasks:\n  -\n${keys.map(([key, value]) => `    ${key}: ${value}\n`).join('')}`;
    const fault = checkPlan(text, NO_FLEET).diagnostics.find(({ severity }) => severity === 'error');
    if (fault === undefined) return null;
    const line = text.slice(0, fault.range.start).split('\n').length - 4;
    return keys[line]?.[0] ?? '';
  },
};

describe('every key of a subtask', () => {
  let root: string;
  let running: RunningCoordinator;
  let client: EngineClient;

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'spl-ways-'));
    const home = join(root, 'h');
    const logger = { info: () => {}, error: () => {} };
    running = await openCoordinator({ home, flags: {}, env: {}, logger, onStop: () => {}, listen: false });
    client = connect({ socketPath: homePaths(home).socket });
  });
  after(async () => {
    await client.close();
    await running.close();
    await rm(root, { recursive: true, force: true });
  });

  const http: WayIn = {
    name: 'a body over HTTP',
    keys: BODY_KEYS.map(({ field, kind }) => [field, WRONG[kind]]),
    sound: { goal: 'x' },
    async offer(subtask) {
      try {
        await client.submit('fan-out.open', {
          ...BARE_TASK,
          fan_out: { ...BARE_FAN_OUT, subtasks: [subtask] },
        });
        return null;
      } catch (thrown) {
        assert.ok(FleetError.is(thrown, 'INVALID_RECORD'), String(thrown));
        return String(thrown.details['key']);
      }
    },
  };

  for (const way of [http, plan, descriptor, json, link] as readonly unknown[] as readonly WayIn[]) {
    it(`is checked in ${way.name}`, async () => {
      assert.equal(await way.offer(way.sound), null);
      assert.deepEqual(await unchecked(way), []);
    });

    it(`fails this test if ${way.name} ignores it`, async () => {
      for (const [key, wrong] of way.keys)
        assert.deepEqual(await unchecked({ ...blindTo(way, key), keys: [[key, wrong]] }), [key]);
    });
  }

  it('is checked on the link by a quick test, or by the schema', () => {
    assert.ok(isDeliveryBody(link.sound as JsonObject), 'the quick test takes what all bodies have');
    for (const [key, wrong] of link.keys)
      for (const value of wrong)
        assert.ok(!isDeliveryBody({ ...link.sound, [key]: value } as JsonObject), `${key}: ${String(value)}`);
  });

  it('creates no subtask from a restored record or a client’s record, whatever its value', async () => {
    const intend = (thread: string, clock: number, body: object): JsonObject => {
      const content = { act: 'INTEND', actor: WORKER, clock, data_type: 'SCALAR', parents: [] } as const;
      const { record } = seal({ ...content, body: body as JsonObject, thread: thread as ThreadId });
      return { ...record };
    };
    const task = { topic: TOPIC.task, goal: 'g', alias: 'OLD', priority: 'medium', labels: [], criteria: [] };
    const records = MEMBERS.flatMap(({ field, kind }) =>
      WRONG[kind].flatMap((value, i) => {
        const defaults = { executor: 'echo', [field]: value };
        const subtasks = [{ goal: 'x', [field]: value }];
        const fanOut = { topic: TOPIC.fanOut, goal: 'g', defaults, subtasks, join: 'all', losers: 'keep' };
        const thread = `th_${field}_${i}`;
        return [intend(thread, 0, task), intend(thread, 1, fanOut)];
      }),
    );
    const tasks = await client.report('tasks', { all: true });
    const restored = await client.submit('records.restore', {
      records: records.map(record => ({ record, signature: null })),
      ...{ signatures: [], on_conflict: 'fail', dry_run: false },
    });
    assert.equal(restored.written, records.length);
    assert.deepEqual(await client.report('tasks', { all: true }), tasks);
    for (const record of records)
      await assert.rejects(client.submit('records.append', { records: [record] }), (thrown: unknown) =>
        FleetError.is(thrown, 'SCOPE_FORBIDDEN'),
      );
  });
});

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'mocha';
import { ASSIGNMENT, DELIVERY } from '../../engine/domain/model/delivery-machines.ts';
import { IGNORED, IMPOSSIBLE } from '../../engine/domain/model/machine.ts';
import { SUBTASK } from '../../engine/domain/model/subtask-machine.ts';
import { REFUSED, REOPENED, TASK } from '../../engine/domain/model/task-status.ts';
import { CONNECTION, ORDER, STATUS } from '../../engine/domain/model/worker-machines.ts';
import { PROCESS } from '../../engine/runtime/coordinator/process-machine.ts';

/** Checks the page of the state machines against their tables. */

const PAGE = fileURLToPath(new URL('../../engine/domain/STATES.md', import.meta.url));

type Table = Readonly<Record<string, Readonly<Record<string, string>>>>;

interface Shown {
  readonly title: string;
  readonly about: string;
  readonly table: Table;
  /** The possible initial states. */
  readonly first: readonly string[];
  /** The final states. */
  readonly ends: readonly string[];
}

const MACHINES: readonly Shown[] = [
  {
    title: 'Task',
    about:
      'The status of a task without a fan-out. Its events are task actions; an action that is not shown is refused, and a cancel leads to `cancelled`. Table: `TASK` in `engine/domain/model/task-status.ts`.',
    table: TASK,
    first: ['inbox', 'cancelled'],
    ends: [],
  },
  {
    title: 'Subtask',
    about:
      'The state of a subtask. Its events are records. Table: `SUBTASK` in `engine/domain/model/subtask-machine.ts`. `engine/domain/coordinator/holds.ts` decides what blocks a pending subtask.',
    table: SUBTASK,
    first: ['pending'],
    ends: [],
  },
  {
    title: 'Delivery, at its coordinator',
    about:
      'Its events are messages of the link. Table: `ASSIGNMENT` in `engine/domain/model/delivery-machines.ts`.',
    table: ASSIGNMENT,
    first: ['waiting'],
    ends: [],
  },
  {
    title: 'Delivery, at its worker',
    about: 'Table: `DELIVERY` in `engine/domain/model/delivery-machines.ts`.',
    table: DELIVERY,
    first: ['queued'],
    ends: ['reported', 'returned', 'forgotten'],
  },
  {
    title: 'Worker: status',
    about: 'In the log, and shown in reports. Table: `STATUS` in `engine/domain/model/worker-machines.ts`.',
    table: STATUS,
    first: ['starting'],
    ends: [],
  },
  {
    title: 'Worker: connection',
    about:
      'Held in the memory of the coordinator, not in the log. Table: `CONNECTION` in `engine/domain/model/worker-machines.ts`.',
    table: CONNECTION,
    first: ['away'],
    ends: [],
  },
  {
    title: 'Worker: order',
    about: 'The last order to a worker. Table: `ORDER` in `engine/domain/model/worker-machines.ts`.',
    table: ORDER,
    first: ['work'],
    ends: [],
  },
  {
    title: 'Process of a worker',
    about:
      'Held by the supervisor. Table: `PROCESS` in `engine/runtime/coordinator/process-machine.ts`. A process that was launched or adopted begins as `up`. A process that ended while no coordinator ran begins as `due`.',
    table: PROCESS,
    first: ['up', 'due'],
    ends: ['ended'],
  },
];

const INTRODUCTION = `# State machines

Each state machine is a table with an entry for every state and every event (\`engine/domain/model/machine.ts\`). The code
changes a state only through its table. An event that is not shown for a state is ignored there, or cannot happen. A test
(\`test/rules/states.test.ts\`) generates this page from the tables.
`;

describe('the state machines', () => {
  it('are drawn like their tables', () => {
    const wanted = [INTRODUCTION, ...MACHINES.map(sectionFor)].join('\n');
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(PAGE, wanted);
    else assert.equal(readFileSync(PAGE, 'utf8'), wanted, 'write it anew with UPDATE_GOLDEN=1');
  });

  for (const { title, table, first, ends } of MACHINES) {
    it(`reach each state: ${title}`, () => {
      const reached = new Set(first);
      for (const state of reached)
        for (const [, to] of movesFrom(table, state)) for (const each of to) reached.add(each);
      assert.deepEqual([...reached].sort(), Object.keys(table).sort());
    });

    it(`end only in final states: ${title}`, () => {
      const absorbing = Object.keys(table).filter(state => movesFrom(table, state).length === 0);
      assert.deepEqual(absorbing, ends);
    });
  }
});

/** Returns the events that change a state, with the states that they lead to. */
function movesFrom(table: Table, state: string): [event: string, to: readonly string[]][] {
  const still: readonly string[] = [IGNORED, IMPOSSIBLE, REFUSED];
  return Object.entries(table[state]!)
    .filter(([, to]) => !still.includes(to))
    .map(([event, to]) => [event, to === REOPENED ? ['active', 'inbox'] : [to]]);
}

function sectionFor({ title, about, table, first, ends }: Shown): string {
  const idOf = (state: string): string => state.replaceAll(' ', '_');
  const states = Object.keys(table);
  const lines = [
    ...states.filter(state => state !== idOf(state)).map(state => `state "${state}" as ${idOf(state)}`),
    ...first.map(state => `[*] --> ${idOf(state)}`),
    ...states.flatMap(state =>
      [...eventsByTarget(table, state)].map(
        ([to, events]) => `${idOf(state)} --> ${idOf(to)}: ${events.join(', ')}`,
      ),
    ),
    ...ends.map(state => `${idOf(state)} --> [*]`),
  ];
  const diagram = lines.map(line => `  ${line}`).join('\n');
  return `## ${title}\n\n${about}\n\n\`\`\`mermaid\nstateDiagram-v2\n${diagram}\n\`\`\`\n`;
}

function eventsByTarget(table: Table, state: string): ReadonlyMap<string, readonly string[]> {
  const targets = new Map<string, string[]>();
  for (const [event, to] of movesFrom(table, state))
    for (const each of to) targets.set(each, [...(targets.get(each) ?? []), event]);
  return targets;
}

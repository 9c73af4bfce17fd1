import { noColours } from '../../cli/render/colours.ts';
import { childState } from '../../cli/render/join.ts';
import type { ChildDocument } from '../../contract/documents.ts';
import { messageOf } from '../../errors.ts';
import type { Comparison } from './closing.ts';
import { Interrupted, TourEnded, type Stage } from './stage.ts';

/** The time limit of each act on a slow machine, in milliseconds. */
const FIRST_ACT_MS = 120_000;
const SECOND_ACT_MS = 300_000;

/** Performs the tutorial of `docs/cli.md`. @throws TourEnded. */
export function firstAct(stage: Stage): Promise<void> {
  return stage.act('First act: a first fan-out', FIRST_ACT_MS, async () => {
    await stage.spl('fleet', 'start', '--workers', '2');
    const [first, second] = await workerDids(stage);
    await stage.spl('fleet', 'list');
    await stage.spl('task', 'add', 'Draft the release notes and check them', '--alias', 'FIRST-001');
    await stage.spl(
      ...['task', 'fan-out', 'FIRST-001'],
      ...['--subtask', `goal=Draft the notes,target=specific:${first}`],
      ...['--subtask', `goal=Check the links,target=specific:${second}`],
    );
    await stage.spl('task', 'join-status', 'FIRST-001', '--watch');
    await stage.spl('task', 'join-status', 'FIRST-001');
    await stage.spl('task', 'speedup', 'FIRST-001');
    await stage.spl('fleet', 'stop', '--all');
  });
}

/** Runs a plan in parallel, then serially, and compares the two runs. @throws TourEnded. */
export function secondAct(stage: Stage, plan: string): Promise<Comparison> {
  return stage.act('Second act: real work, on this very repository', SECOND_ACT_MS, async () => {
    await stage.spl('fleet', 'start', '--workers', '2');
    await joining(stage, 'CHECK-001', ['run', plan, '--alias', 'CHECK-001']);
    await joining(stage, 'CHECK-001-serial', ['task', 'run-serial', 'CHECK-001', '--wait']);
    await stage.spl('task', 'speedup', 'CHECK-001', '--vs-serial', 'CHECK-001-serial');
    const comparison = await comparisonOf(stage);
    await stage.spl('fleet', 'stop', '--all');
    return comparison;
  });
}

async function workerDids(stage: Stage): Promise<readonly string[]> {
  const { instances } = await stage.report('fleet', {});
  return instances.filter(({ role }) => role === 'worker').map(({ did }) => did);
}

async function comparisonOf(stage: Stage): Promise<Comparison> {
  const [parallel, serial, speedup] = await Promise.all([
    stage.report('join', { task: 'CHECK-001', summary: false }),
    stage.report('join', { task: 'CHECK-001-serial', summary: false }),
    stage.report('speedup', { task: 'CHECK-001', vsSerial: 'CHECK-001-serial' }),
  ]);
  return { parallel, serial, speedup };
}

/** Runs a command that waits for a join. When it fails, prints the output of the failed subtasks. */
async function joining(stage: Stage, task: string, words: readonly string[]): Promise<void> {
  try {
    await stage.spl(...words);
  } catch (thrown) {
    if (thrown instanceof Interrupted) throw thrown;
    const children = await toBlame(stage, task);
    for (const { index } of children) await stage.run(['task', 'output', task, '--subtask', String(index)]);
    throw new TourEnded([messageOf(thrown), ...children.map(stateText)].join('; '));
  }
}

/** Returns the subtasks that failed, else those that are still running; none when the coordinator does not answer. */
async function toBlame(stage: Stage, task: string): Promise<readonly ChildDocument[]> {
  try {
    const { children } = await stage.report('join', { task, summary: false });
    const failed = children.filter(({ state, verdict }) => state === 'done' && verdict !== 'accept');
    return failed.length > 0 ? failed : children.filter(({ state }) => state === 'running');
  } catch {
    return [];
  }
}

const stateText = (child: ChildDocument): string =>
  `${child.name ?? child.goal}: ${childState(child, noColours)}`;

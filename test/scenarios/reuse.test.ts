import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { describe, it } from 'mocha';
import type { JoinStatus } from '../../engine/contract/documents.ts';
import { sharedFleet } from '../harness/shared-fleet.ts';

const onFleet = sharedFleet({ echoMs: 0 });

describe('reuse', function () {
  this.timeout(120_000);

  it(
    'accepts a subtask without a run while its inputs, its outputs and its dependencies are the same',
    onFleet(async fleet => {
      const make = `goal=make,name=make,run="cat in.txt > out.txt; echo made=$(cat in.txt) > $SPL_RESULTS",inputs=in.txt,outputs=out.txt,dir=${fleet.cwd}`;
      const use = `goal=use,name=use,run="true",inputs=used.txt,depends=make,dir=${fleet.cwd}`;
      const reused = async (alias: string, ...options: string[]): Promise<unknown[]> => {
        await fleet.spl('task', 'add', alias, '--alias', alias);
        const words = ['--subtask', make, '--subtask', use, '--wait', ...options];
        assert.equal((await fleet.spl('task', 'fan-out', alias, ...words)).code, 0);
        const { children } = await fleet.joinWhen(alias, 'it has joined', ({ complete }) => complete);
        return children.map(child => child.reused && [child.reused.task, child.reused.subtask]);
      };
      await writeFile(fleet.at('in.txt'), '1');
      await writeFile(fleet.at('used.txt'), '1');
      assert.deepEqual(await reused('FIRST'), [null, null]);
      assert.deepEqual(await reused('SECOND'), [
        ['FIRST', 0],
        ['FIRST', 1],
      ]);
      assert.deepEqual(await reused('FORCED', '--force'), [null, null]);
      const again = await fleet.json<JoinStatus>('rerun', 'SECOND', '--force');
      assert.deepEqual(
        again.children.map(child => child.reused),
        [null, null],
      );
      await rm(fleet.at('out.txt'));
      assert.deepEqual(await reused('REMOVED'), [null, [again.alias, 1]]);
      await writeFile(fleet.at('in.txt'), '2');
      assert.deepEqual(await reused('CHANGED'), [null, null]);
      const { out } = await fleet.spl('task', 'speedup', 'SECOND');
      assert.match(out, /no estimate: subtasks make, use were reused/);
    }),
  );

  it(
    'is refused for what it cannot compare, with the way out',
    onFleet(async fleet => {
      await fleet.spl('task', 'add', 'Refused', '--alias', 'REFUSED');
      const refusalOf = async (subtask: string): Promise<string> =>
        (await fleet.spl('task', 'fan-out', 'REFUSED', '--subtask', subtask)).err;
      assert.match(await refusalOf('goal=x,inputs=a'), /inputs is for commands/);
      assert.match(await refusalOf('goal=x,run=true,outputs=a'), /outputs needs inputs/);
      const isolated = `goal=x,run=true,inputs=a,isolation=worktree,dir=${fleet.cwd}`;
      assert.match(await refusalOf(isolated), /isolation=folder/);
    }),
  );
});

import assert from 'node:assert/strict';
import { rename, rm } from 'node:fs/promises';
import { describe, it } from 'mocha';
import { isThere, scenario, soon } from '../harness/fleet.ts';

describe('a home that is removed while it is served', function () {
  this.timeout(120_000);

  it(
    'ends its coordinator, which acknowledges no lost record, and its workers can be stopped',
    scenario({}, async fleet => {
      const { spawned } = await fleet.startFleet(1);
      const coordinator = await fleet.pidOf('coordinator');
      await rm(fleet.home, { recursive: true });
      await soon('the coordinator ends', async () => !isThere(coordinator));
      const { code, err } = await fleet.spl('fleet', 'stop', '--all');
      assert.equal(code, 0, err);
      for (const { pid } of spawned) assert.ok(!isThere(pid), `worker ${pid} lives`);
      return { damaged: true };
    }),
  );

  it(
    'is served again after it was moved away and back, with all its records',
    scenario({}, async fleet => {
      await fleet.startFleet(1);
      const coordinator = await fleet.pidOf('coordinator');
      assert.equal((await fleet.spl('task', 'add', 'Kept', '--alias', 'KEPT-1')).code, 0);
      await rename(fleet.home, `${fleet.home}-aside`);
      await soon('the coordinator ends', async () => !isThere(coordinator));
      await rename(`${fleet.home}-aside`, fleet.home);
      await fleet.startFleet(1);
      assert.match((await fleet.spl('task', 'list')).out, /KEPT-1/);
    }),
  );
});

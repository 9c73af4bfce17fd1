import assert from 'node:assert/strict';
import { until } from '../../../harness/until.ts';
import { accepted, fleet, pageText, run, spl, stopFleet } from '../support.ts';

describe('the kill switch, in the window that hosts the fleet', () => {
  before(async () => {
    await run('fleet.start');
    await spl('namespace', 'create', 'acme');
  });

  after(stopFleet);

  it('fleet.killSwitch stops everything with two keys, and lets what runs go on', async () => {
    await accepted(run('fleet.killSwitch'));
    const { freezes, emergency } = await fleet.state();
    assert.deepEqual([freezes, emergency?.reason], [[], null]);
    await accepted(run('fleet.liftKillSwitch'));
    assert.equal((await fleet.state()).emergency, null);
  });

  it('fleet.showStatus shows freezes, whoever set them', async () => {
    await spl('kill', '--namespace', 'acme', '--reason', 'bad release');
    await run('fleet.showStatus');
    const told = /⚠ soft freeze of acme — bad release, since .*, by /;
    // A page that shows an earlier status is updated a moment later.
    const shown = (): Promise<string> => pageText('Fleet');
    await until('it is told', async () => (told.test(await shown()) ? true : undefined), shown);
  });

  it('fleet.liftKillSwitch lifts the picked hold, and waiting work continues', async () => {
    await spl('kill', '--emergency', '--reason', 'cost');
    await accepted(run('fleet.liftKillSwitch'));
    const left = await fleet.state();
    assert.deepEqual([left.freezes.map(({ namespace }) => namespace), left.emergency], [['acme'], null]);
    await accepted(run('fleet.liftKillSwitch'));
    assert.deepEqual((await fleet.state()).freezes, []);
    await spl('task', 'add', 'go on', '--alias', 'ON-1', '--namespace', 'acme');
    await spl('task', 'fan-out', 'ON-1', '--subtask', 'goal=go on');
    assert.equal((await fleet.joined('ON-1')).outcome, 'satisfied');
  });

  it('fleet.liftKillSwitch asks nothing if nothing is frozen', async () => {
    await run('fleet.liftKillSwitch');
    assert.equal((await fleet.state()).emergency, null);
  });
});

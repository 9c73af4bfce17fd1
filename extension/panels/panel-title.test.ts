import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { panelTitle } from './panel-title.ts';

describe('the title of a tab', () => {
  it('is the name of the run, or else the goal, shortened, and the alias', () => {
    const task = { alias: 'T-7', goal: 'Build and test every package on both platforms', run: null };
    assert.equal(panelTitle({ ...task, run: { name: 'release', number: 4 } }), 'release #4');
    assert.equal(panelTitle(task), 'Build and test every package on… · T-7');
    assert.equal(panelTitle({ ...task, goal: 'Lint' }), 'Lint · T-7');
    assert.equal(panelTitle({ ...task, goal: 'T-7' }), 'T-7');
  });
});

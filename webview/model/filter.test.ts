import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { OPENED, underWay } from '../../test/webview/fan-outs.ts';
import { childRow } from '../protocol.ts';
import { EVERYTHING, list, type Listing } from './filter.ts';
import { NOTHING_SAVED, readSavedState } from './saved-state.ts';

const rows = underWay().children.map(childRow);
const listed = (listing: Partial<Listing>): number[] =>
  list(rows, { ...EVERYTHING, ...listing }, OPENED + 6).map(({ index }) => index);

describe('the list of subtasks', () => {
  it('shows those with every word, at any place', () => {
    assert.deepEqual(listed({ text: 'unit' }), [3, 5]);
    assert.deepEqual(listed({ text: 'UNIT engine' }), [3]);
    assert.deepEqual(listed({ text: 'policy' }), [4]);
    assert.deepEqual(listed({ text: 'worker-c' }), [6, 7]);
    assert.deepEqual(listed({ text: '#8' }), [8]);
    assert.deepEqual(listed({ text: 'nowhere' }), []);
  });

  it('shows those of a state', () => {
    assert.deepEqual(listed({ state: 'running' }), [2, 5, 7]);
    assert.deepEqual(listed({ state: 'unaccepted' }), [3, 4, 6]);
    assert.deepEqual(listed({ state: 'pending' }), [8, 9]);
  });

  it('is sorted as requested, and by index among equals', () => {
    assert.deepEqual(listed({ sort: 'index', descending: true }).slice(0, 3), [9, 8, 7]);
    assert.deepEqual(listed({ sort: 'elapsed', descending: true }).slice(0, 3), [6, 2, 0]);
    assert.deepEqual(listed({ sort: 'worker' }).slice(0, 3), [8, 9, 0]);
    assert.deepEqual(listed({ sort: 'state' }), [0, 1, 4, 3, 6, 2, 5, 7, 8, 9]);
    assert.deepEqual(listed({ sort: 'cost', descending: true }).slice(0, 2), [0, 3]);
    assert.deepEqual(listed({ sort: 'title' })[0], 7);
  });

  it('omits rows that have not arrived', () => {
    assert.deepEqual(list([undefined, rows[1]], EVERYTHING, 0), [rows[1]]);
  });
});

describe('the saved state of a view', () => {
  it('is read as far as it is understood', () => {
    const saved = { thread: 'th_x', listing: { ...EVERYTHING, text: 'unit' }, selected: 3 };
    assert.deepEqual(readSavedState(saved), saved);
    assert.deepEqual(readSavedState({ ...saved, listing: { sort: 'colour' } }).listing, EVERYTHING);
    assert.equal(readSavedState({ ...saved, selected: 'three' }).selected, null);
    for (const state of [undefined, null, 'th_x', 7]) assert.deepEqual(readSavedState(state), NOTHING_SAVED);
  });
});

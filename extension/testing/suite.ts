import { after, afterEach, before, beforeEach } from 'mocha';
import { useEditor } from './editor.ts';
import { Fleet } from './fleet.ts';
import { Window } from './window.ts';

/** The actor of the window under test. */
export const ME = 'did:sync:user:me';

/** The fleet of a suite, and the window of the running test. */
export interface OnFleet {
  readonly fleet: Fleet;
  readonly window: Window;
}

/** Opens one fleet for the tests of a suite, and one window on it for each test. */
export function useFleet(): OnFleet {
  let fleet: Fleet | undefined;
  let window: Window | undefined;
  before(async () => {
    fleet = await Fleet.open();
  });
  after(() => fleet?.close());
  useEditor();
  beforeEach(async () => {
    window = await Window.open(fleet!.connect(ME));
  });
  afterEach(() => window?.close());
  return {
    get fleet() {
      return fleet!;
    },
    get window() {
      return window!;
    },
  };
}

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startFleet } from '../run-in-window.ts';
import { inOneEditor } from '../with-editor.ts';

describe('the output of a subtask in a window', () => {
  const test = inOneEditor({ workspace: 'continuity' });

  it(
    'follows output that is faster than a terminal, shows its end, and blocks nothing else',
    test(async editor => {
      const { fleet, place } = editor;
      const window = await editor.window('output');
      await startFleet(window);
      const print = (what: string, bytes: number): string =>
        `until test -e go; do sleep 0.05; done; ${what} | head -c ${bytes}; printf '\\nthe last line\\n'`;
      await fleet.fanOut('OUT-1', [
        { goal: 'text', run: print("yes 'a line of text'", 30e6) },
        // The output ends with the cursor in the middle of the text.
        { goal: 'bytes', run: `${print('cat /dev/urandom', 6e6)}; printf '\\033[3;5H'` },
      ]);
      const tree = window.tree('Fan-Outs');
      await tree.expand('OUT-1');
      await tree.rowAction(/^text /, 'Open Output');
      await writeFile(join(place.workspace, 'go'), '');
      await tree.waitFor('OUT-1 2/2');
      const { terminal } = window;
      await terminal.waitFor(
        /the last line\s+· \d+\.\d MB came too fast .*--subtask 0\s+· \w+ · exit code 0 · \S+$/s,
      );
      await window.snap('text');
      await tree.rowAction(/^bytes /, 'Open Output');
      // Whatever the bytes did to the terminal, the editor's message is readable.
      await terminal.waitFor(/· \d+\.\d MB came too fast .*--subtask 1\s+· \w+ · exit code 0 · \S+$/s);
      await window.snap('bytes');
    }),
  );
});

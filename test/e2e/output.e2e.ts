import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withEditor } from './with-editor.ts';

describe('the output of a subtask', () => {
  it(
    'follows what prints faster than a terminal can show, with its end, and keeps nothing else waiting',
    withEditor({ name: 'output', workspace: 'continuity' }, async (workbench, editor) => {
      const { fleet, scratch } = editor;
      await workbench.openActivity('Fleet');
      await workbench.runCommand('Fleet: Start Fleet');
      await workbench.tree('Instances').waitFor('worker-b live');
      const print = (what: string, bytes: number): string =>
        `until test -e go; do sleep 0.05; done; ${what} | head -c ${bytes}; printf '\\nthe last line\\n'`;
      await fleet.fanOut('OUT-1', scratch.workspace, [
        { goal: 'text', run: print("yes 'a line of text'", 100e6) },
        { goal: 'bytes', run: print('cat /dev/urandom', 20e6) },
      ]);
      const tree = workbench.tree('Fan-Outs');
      await tree.expand('OUT-1');
      await tree.rowAction('[0] text', 'Show Output');
      await writeFile(join(scratch.workspace, 'go'), '');
      await tree.waitFor('OUT-1 2 of 2 accepted');
      const { terminal } = workbench;
      await terminal.waitFor(
        /the last line\s+· End of the output\.\s+· \d+\.\d MB came too fast .*--subtask 0$/s,
      );
      await workbench.snap('text');
      await tree.rowAction('[1] bytes', 'Show Output');
      // Whatever the bytes made of the terminal, what the editor says of them can be read.
      await terminal.waitFor(/· End of the output\.\s+· \d+\.\d MB came too fast .*--subtask 1$/s);
      await workbench.snap('bytes');
    }),
  );
});

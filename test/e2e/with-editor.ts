import { after, before } from 'mocha';
import { RunningEditor, type EditorOptions, type EditorUnderTest } from './editor.ts';
import type { Workbench } from './workbench.ts';

/** The editor of all tests of this run: its start takes longer than most of what is tested in it. */
let running: Promise<RunningEditor> | undefined;

after(async () => (await running)?.dispose());

const open = async (options: EditorOptions): Promise<EditorUnderTest> =>
  (await (running ??= RunningEditor.start())).open(options);

/** A test in a window of its own, on a home and a workspace of its own. */
export function withEditor(
  options: EditorOptions & { readonly name: string },
  body: (workbench: Workbench, editor: EditorUnderTest) => Promise<void>,
): Mocha.AsyncFunc {
  return async () => {
    const editor = await open(options);
    try {
      await pictured(editor, async () => body(await editor.window(options.name), editor));
    } finally {
      await editor.dispose();
    }
  };
}

/**
 * Makes one home and one workspace for all tests of the suite that calls this. A test takes windows and fleet as it finds
 * them, has tasks of its own, and can be run alone.
 *
 * @returns what makes a test of a body
 */
export function inOneEditor(
  options: EditorOptions,
): (body: (editor: EditorUnderTest) => Promise<void>) => Mocha.AsyncFunc {
  let editor: EditorUnderTest | undefined;
  before(async () => {
    editor = await open(options);
  });
  after(() => editor?.dispose());
  return body => () => pictured(editor!, () => body(editor!));
}

/** Keeps what the windows show when a test fails as pictures. */
async function pictured(editor: EditorUnderTest, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    await editor.snap('failed');
    throw error;
  }
}

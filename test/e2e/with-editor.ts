import { after, before } from 'mocha';
import { RunningEditor, type EditorOptions, type EditorUnderTest } from './editor.ts';
import type { Workbench } from './workbench.ts';

/** The editor for all tests of this run. Its start takes longer than most tests. */
let running: Promise<RunningEditor> | undefined;

after(async () => (await running)?.dispose());

const open = async (options: EditorOptions): Promise<EditorUnderTest> =>
  (await (running ??= RunningEditor.start())).open(options);

/** Defines a test with its own window, home and workspace. */
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
 * Makes one home and one workspace for all tests of the calling suite. A test must work with any state of windows and
 * fleet, use its own tasks, and be able to run alone.
 * @returns a function that makes a test from a body
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

/** Takes pictures of the windows when a test fails. */
async function pictured(editor: EditorUnderTest, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    await editor.snap('failed');
    throw error;
  }
}

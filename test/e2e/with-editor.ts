import { EditorUnderTest, type EditorOptions } from './editor.ts';
import type { Workbench } from './workbench.ts';

/** A test in a window of an editor of its own: nothing of it runs on. */
export function withEditor(
  options: EditorOptions & { readonly name: string },
  body: (workbench: Workbench, editor: EditorUnderTest) => Promise<void>,
): Mocha.AsyncFunc {
  return async () => {
    const editor = await EditorUnderTest.start(options);
    try {
      await pictured(editor, async () => body(await editor.window(options.name), editor));
    } finally {
      await editor.dispose();
    }
  };
}

/**
 * Makes one editor for all tests of the suite that calls this: its start, and that of a window, takes longer than most of
 * what is tested in it. A test takes windows and fleet as it finds them, has tasks of its own, and can be run alone.
 *
 * @returns what makes a test of a body
 */
export function inOneEditor(
  options: EditorOptions,
): (body: (editor: EditorUnderTest) => Promise<void>) => Mocha.AsyncFunc {
  let editor: EditorUnderTest | undefined;
  before(async () => {
    editor = await EditorUnderTest.start(options);
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

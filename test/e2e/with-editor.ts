import { EditorUnderTest, type EditorOptions } from './editor.ts';
import type { Workbench } from './workbench.ts';

/**
 * A test in a window of an editor of its own. What the window showed when the test failed is kept as a picture, and
 * nothing of it runs on.
 */
export function withEditor(
  options: EditorOptions & { readonly name: string },
  body: (workbench: Workbench, editor: EditorUnderTest) => Promise<void>,
): Mocha.AsyncFunc {
  return async () => {
    const editor = await EditorUnderTest.start(options);
    try {
      const workbench = await editor.open(options.name);
      try {
        await body(workbench, editor);
      } catch (error) {
        // A window that is closed shows nothing; why the test failed counts.
        await workbench.snap('failed').catch(() => undefined);
        throw error;
      }
    } finally {
      await editor.dispose();
    }
  };
}

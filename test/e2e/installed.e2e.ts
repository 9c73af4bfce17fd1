import { withEditor } from './with-editor.ts';

describe('the packaged extension', () => {
  it(
    'is in the activity bar of a window that has it installed',
    withEditor({ name: 'installed', workspace: 'tutorial' }, async workbench => {
      await workbench.openActivity('Fleet');
      await workbench.snap('fleet');
    }),
  );
});

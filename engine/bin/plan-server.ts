import { createConnection } from 'vscode-languageserver/node';
import { draftOf } from '../cli/draft.ts';
import { servePlans } from '../language/server.ts';

/** Serves plans to the editor that started this process, by `--stdio` or `--node-ipc`. */
servePlans(createConnection(), async folder => {
  const { text, subtasks, sources, notes } = await draftOf(folder, process.env);
  return { text, subtasks, sources: [...sources], notes: [...notes] };
});

import { installEditor } from '../editor/install.ts';
import { installed } from './editor.ts';

/** Once before all tests, in the process that starts those of the files: the extension is packaged, and installed. */
export async function mochaGlobalSetup(): Promise<void> {
  process.env['SPL_E2E_EXTENSIONS'] = await installed(await installEditor());
}

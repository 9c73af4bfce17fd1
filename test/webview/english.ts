import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';
import type { ViewStrings } from '../../webview/strings.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Returns the texts of the view in English; only the function that looks up translations is replaced. */
export function englishStrings(): Promise<ViewStrings> {
  read ??= readStrings();
  return read;
}

let read: Promise<ViewStrings> | undefined;

async function readStrings(): Promise<ViewStrings> {
  const result = await build({
    absWorkingDir: ROOT,
    entryPoints: ['extension/panels/strings.ts'],
    bundle: true,
    format: 'esm',
    platform: 'node',
    write: false,
    external: ['vscode'],
  });
  const text = result.outputFiles[0]!.text.replace(
    /import \* as (\w+) from "vscode";/,
    'const $1 = { l10n: { t: message => message } };',
  );
  const module = `data:text/javascript,${encodeURIComponent(text)}`;
  const { viewStrings } = (await import(module)) as { readonly viewStrings: () => ViewStrings };
  return viewStrings();
}

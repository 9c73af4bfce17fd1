import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/**
 * Writes `bundle.l10n.json`, the starting point for translators: every text that the extension's code shows. The texts
 * of package.json are in package.nls.json. The extension's code makes the texts of the webview as well.
 */

const here = dirname(fileURLToPath(import.meta.url));
const extension = dirname(here);

/** Returns the texts, in order. @throws if a text is not a literal, because no translation could be found for it */
export function collect() {
  const files = readdirSync(extension, { recursive: true, encoding: 'utf8' });
  const texts = files
    .filter(file => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .flatMap(file => textsOf(join(extension, file)));
  return Object.fromEntries([...new Set(texts)].sort().map(text => [text, text]));
}

function textsOf(file) {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const texts = [];
  const visit = node => {
    if (ts.isCallExpression(node) && /\bl10n\.t$/.test(node.expression.getText())) {
      const [text] = node.arguments;
      if (text === undefined || !ts.isStringLiteralLike(text))
        throw new Error(`${file}: the text of ${node.getText()} is not written out`);
      texts.push(text.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return texts;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(join(here, 'bundle.l10n.json'), `${JSON.stringify(collect(), null, 2)}\n`);
}

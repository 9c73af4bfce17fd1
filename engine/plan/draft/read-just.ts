import { chooseTasks, isPlainName, type Task } from './choose-tasks.ts';
import type { Reader } from './proposal.ts';

/** Matches the first line of a recipe: its name, its parameters and its dependencies. */
const RECIPE = /^@?([A-Za-z_][A-Za-z0-9_-]*)((?:\s[^:]*)?):(?!=)(.*)$/;

/** Reads the recipes of a justfile that need no arguments. */
export const readJust: Reader = {
  files: /^\.?justfile$/i,
  marker: /^\.?justfile$/i,
  isRunner: true,
  read(folder) {
    const file = ['justfile', 'Justfile', 'JUSTFILE', '.justfile'].find(
      name => folder.text(name) !== undefined,
    );
    if (file === undefined) return null;
    const proposals = chooseTasks(recipesOf(folder.text(file)!)).map(({ name, depends }) => ({
      name,
      run: `just ${name}`,
      depends,
    }));
    return { source: file, proposals };
  },
};

function recipesOf(text: string): ReadonlyMap<string, Task> {
  const recipes = new Map<string, { readonly runs: readonly string[]; isOnlyThese: boolean }>();
  let open: { isOnlyThese: boolean } | undefined;
  let isPrivate = false;
  for (const line of text.replaceAll(/\\\r?\n/g, ' ').split(/\r?\n/)) {
    if (/^\s*(#|$)/.test(line)) continue;
    if (/^\s/.test(line)) {
      if (open !== undefined) open.isOnlyThese = false;
      continue;
    }
    if (line.startsWith('[')) {
      isPrivate ||= /\bprivate\b|\bconfirm\b/.test(line);
      continue;
    }
    open = undefined;
    const [, name, parameters = '', needs = ''] = (line.length < 2_000 && RECIPE.exec(line)) || [];
    const isCallable =
      name !== undefined && !name.startsWith('_') && !isPrivate && !needsArguments(parameters);
    isPrivate = false;
    if (!isCallable || /^(alias|export|set|import|mod)$/.test(name) || !isPlainName(name)) continue;
    const recipe = { runs: dependenciesOf(needs), isOnlyThese: true };
    recipes.set(name, recipe);
    open = recipe;
  }
  return recipes;
}

/** True for parameters of which one has no default. `*rest` takes none as well. */
const needsArguments = (parameters: string): boolean =>
  parameters
    .replaceAll(/=\s*("[^"]*"|'[^']*'|`[^`]*`|\S+)/g, '=')
    .split(/\s+/)
    .some(word => word !== '' && !word.startsWith('*') && !word.includes('='));

const dependenciesOf = (text: string): readonly string[] =>
  text
    .replace(/#.*$/, '')
    .replaceAll(/\([^)]*\)/g, ' ')
    .split(/\s+/)
    .filter(isPlainName);

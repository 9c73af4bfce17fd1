import { chooseTasks, isPlainName, type Task } from './choose-tasks.ts';
import type { Folder } from './folder.ts';
import type { Reader } from './proposal.ts';

/** The names of a Makefile, in the order in which make looks for them. */
const FILES = ['GNUmakefile', 'makefile', 'Makefile'] as const;

/** Reads the targets of a Makefile. */
export const readMake: Reader = {
  files: /^(GNUmakefile|[Mm]akefile)$/,
  marker: /^(GNUmakefile|[Mm]akefile)$/,
  isRunner: true,
  read(folder) {
    const file = FILES.find(name => folder.text(name) !== undefined);
    if (file === undefined) return null;
    const tasks = targetsOf(folder.text(file)!, folder);
    const proposals = chooseTasks(tasks).map(({ name, depends }) => ({ name, run: `make ${name}`, depends }));
    return { source: file, proposals };
  },
};

interface Target {
  readonly needs: string[];
  hasRecipe: boolean;
}

function targetsOf(text: string, folder: Folder): ReadonlyMap<string, Task> {
  const targets = new Map<string, Target>();
  const phony = new Set<string>();
  let open: readonly Target[] = [];
  let isDefinition = false;
  for (const line of text.replaceAll(/\\\r?\n/g, ' ').split(/\r?\n/)) {
    if (/^\s*(define|endef)\b/.test(line)) isDefinition = /^\s*define\b/.test(line);
    if (isDefinition || /^\s*(#|$)/.test(line)) continue;
    if (line.startsWith('\t')) {
      for (const target of open) target.hasRecipe = true;
      continue;
    }
    const rule = ruleOf(line);
    if (rule?.names[0] === '.PHONY') for (const name of rule.needs) phony.add(name);
    open = (rule?.names ?? []).map(name => {
      const target = targets.get(name) ?? { needs: [], hasRecipe: false };
      targets.set(name, target);
      target.needs.push(...rule!.needs);
      target.hasRecipe ||= rule!.hasRecipe;
      return target;
    });
  }
  // A target that is no command, and that exists as a file or folder, is up to date: make would do nothing.
  const isDead = (name: string): boolean => !phony.has(name) && (folder.has(name) || folder.hasFolder(name));
  return new Map(
    [...targets].flatMap(([name, { needs, hasRecipe }]) =>
      isPlainName(name) && !isDead(name) ? [[name, { runs: needs, isOnlyThese: !hasRecipe }] as const] : [],
    ),
  );
}

interface Rule {
  readonly names: readonly string[];
  readonly needs: readonly string[];
  readonly hasRecipe: boolean;
}

/** Returns the rule of a line; null for a line that is none, or that a variable or a pattern makes. */
function ruleOf(line: string): Rule | null {
  const at = line.indexOf(':');
  const left = line.slice(0, at);
  const right = line.slice(at).replace(/^::?/, '');
  if (at <= 0 || /[=$%(]/.test(left) || right.startsWith('=') || /^\s*[A-Za-z0-9_]+\s*[:+?]?=/.test(right))
    return null;
  const [needs = '', recipe] = right.replace(/#.*$/, '').split(';');
  return {
    names: wordsOf(left),
    needs: wordsOf(needs).filter(word => word !== '|'),
    hasRecipe: recipe !== undefined,
  };
}

const wordsOf = (text: string): readonly string[] =>
  text
    .trim()
    .split(/\s+/)
    .filter(word => word !== '');

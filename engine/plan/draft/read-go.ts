import type { Proposal, Reader } from './proposal.ts';
import { isPlainPath } from './workspaces.ts';

/** The most modules of a `go.work` that a plan is made of. */
const MAX_MODULES = 100;

/** Reads the modules of Go: each is vetted and tested. */
export const readGo: Reader = {
  files: /^(go\.work|go\.mod)$/,
  marker: /^go\.(mod|work)$/,
  isNested: true,
  read(folder) {
    const work = folder.text('go.work');
    const modules =
      work === undefined
        ? []
        : modulesOf(work).filter(dir => folder.has(dir === '.' ? 'go.mod' : `${dir}/go.mod`));
    if (modules.length === 0 && !folder.has('go.mod')) return null;
    const lints = folder.has('.golangci.yml', '.golangci.yaml', '.golangci.toml', '.golangci.json');
    const commands: readonly (readonly [string, string])[] = [
      ['vet', 'go vet ./...'],
      ...(lints ? [['lint', 'golangci-lint run'] as const] : []),
      ['test', 'go test ./...'],
    ];
    return {
      source: modules.length > 1 ? 'go.work' : 'go.mod',
      proposals: commands.map(([name, run]) => proposal(name, run, modules)),
    };
  },
};

function proposal(name: string, run: string, modules: readonly string[]): Proposal {
  const [only = '.'] = modules;
  if (modules.length < 2) return { name, run, ...(only === '.' ? {} : { dir: only }) };
  return {
    name: `${name}-\${{ matrix.module }}`,
    run,
    matrix: { module: modules },
    dir: '${{ matrix.module }}',
  };
}

/** Returns the folders that `use` names. */
function modulesOf(text: string): readonly string[] {
  const lines = text.replaceAll(/\/\/.*$/gm, '');
  const blocks = Array.from(
    lines.matchAll(/^use\s*\(([^)]*)\)|^use\s+([^\s(]+)/gm),
    ([, block, one]) => block ?? one!,
  );
  const dirs = blocks
    .flatMap(block => block.split(/\s+/))
    .map(word =>
      word
        .replaceAll(/["`]/g, '')
        .replace(/^\.\/(?=.)/, '')
        .replace(/\/+$/, ''),
    );
  return [...new Set(dirs)]
    .filter(dir => isPlainPath(dir) && !dir.startsWith('..') && !dir.startsWith('/'))
    .slice(0, MAX_MODULES);
}

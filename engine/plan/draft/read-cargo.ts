import * as v from 'valibot';
import type { Folder } from './folder.ts';
import type { Proposal, Reader } from './proposal.ts';

const cargoSchema = v.looseObject({
  workspace: v.optional(v.looseObject({ lints: v.optional(v.looseObject({})) })),
  package: v.optional(v.looseObject({})),
  lints: v.optional(v.looseObject({})),
});

/** Reads a crate or a workspace of Rust. */
export const readCargo: Reader = {
  files: /^Cargo\.toml$/,
  marker: /^Cargo\.toml$/,
  isNested: true,
  read(folder) {
    const cargo = folder.toml('Cargo.toml', cargoSchema);
    return cargo === undefined ? null : { source: 'Cargo.toml', proposals: commandsOf(folder, cargo) };
  },
};

type Cargo = v.InferOutput<typeof cargoSchema>;

function commandsOf(folder: Folder, { workspace, lints }: Cargo): readonly Proposal[] {
  const all = workspace === undefined ? '' : ' --workspace';
  const isFormatted = folder.has('rustfmt.toml', '.rustfmt.toml') || isInWorkflows(folder, 'cargo fmt');
  const isLinted =
    folder.has('clippy.toml', '.clippy.toml') ||
    [lints, workspace?.lints].some(each => each !== undefined && Object.hasOwn(each, 'clippy')) ||
    isInWorkflows(folder, 'cargo clippy');
  return [
    ...(isFormatted ? [{ name: 'fmt', run: 'cargo fmt --all --check' }] : []),
    // clippy checks all that check does.
    isLinted
      ? { name: 'clippy', run: `cargo clippy${all} --all-targets` }
      : { name: 'check', run: `cargo check${all} --all-targets` },
    { name: 'test', run: `cargo test${all}` },
  ];
}

const isInWorkflows = (folder: Folder, command: string): boolean =>
  folder.paths.some(
    path => path.startsWith('.github/workflows/') && folder.text(path)?.includes(command) === true,
  );

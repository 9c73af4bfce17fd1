import type { Folder } from './folder.ts';

/** A subtask that a reader proposes. Texts may have placeholders of its matrix. */
export interface Proposal {
  readonly name: string;
  readonly run: string;
  /** Relative to the folder that was read; absent for the folder itself. */
  readonly dir?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly matrix?: Readonly<Record<string, readonly string[]>>;
  /** The names of the proposals that it waits for, with placeholders of its matrix. */
  readonly depends?: readonly string[];
}

/** The findings of a reader in one folder. */
export interface Found {
  /** The files that the proposals are from, such as `package.json (pnpm)`. */
  readonly source: string;
  readonly proposals: readonly Proposal[];
}

/** A reader of the files of one tool. It runs nothing, and skips what it cannot read. */
export interface Reader {
  /** Matches the base names of the files whose text it reads. */
  readonly files: RegExp;
  /** Matches the base name of a file that says that a folder is a project of this tool. */
  readonly marker: RegExp;
  /** True for a tool that runs commands of any kind: its targets stand for those of other tools. */
  readonly isRunner?: true;
  /** True for a tool whose subtasks are kept beside others of the same purpose. */
  readonly isExtra?: true;
  /** True where a folder below may be a project of its own. */
  readonly isNested?: true;
  read(folder: Folder): Found | null;
}

/** The purpose of a subtask, by its name: a second one for the same purpose would repeat the work. */
export function purposeOf(name: string): string {
  if (/type|tsc|mypy|pyright/i.test(name)) return 'types';
  if (/fmt|format|prettier|black/i.test(name)) return 'format';
  if (/lint|clippy|vet|ruff|flake8/i.test(name)) return 'lint';
  if (/test|unit|spec/i.test(name)) return 'test';
  if (/build|compile|^check$/i.test(name)) return 'build';
  return name;
}

import * as v from 'valibot';
import * as vscode from 'vscode';
import { FleetError } from '../../engine/errors.ts';
import { contentAt } from './git-changes.ts';

const SCHEME = 'fleet-revision';

/** The query of a revision's address. It is validated because any extension can make one up. */
const addressSchema = v.object({
  dir: v.pipe(v.string(), v.startsWith('/'), v.maxLength(4096)),
  commit: v.pipe(v.string(), v.regex(/^[0-9a-f]{40,64}$/)),
});
type Address = v.InferOutput<typeof addressSchema>;

/**
 * Returns the address of a file at a commit. It ends like the file's own path, so that the editor knows the language.
 */
export function revisionUri(address: Address, path: string): vscode.Uri {
  return vscode.Uri.from({ scheme: SCHEME, path: `/${path}`, query: JSON.stringify(address) });
}

/** Shows files as they were at a commit, read-only. */
export function registerRevisions(): vscode.Disposable {
  return vscode.workspace.registerTextDocumentContentProvider(SCHEME, { provideTextDocumentContent: read });
}

async function read(uri: vscode.Uri): Promise<string> {
  requireTrust();
  const { dir, commit } = v.parse(addressSchema, JSON.parse(uri.query));
  const text = await contentAt(dir, commit, uri.path.slice(1));
  return text.includes('\0') ? vscode.l10n.t('This file is not text.') : text;
}

/**
 * Refuses to run git in an untrusted folder: a repository's own settings can make git run programs, even for reading.
 * @throws SCOPE_FORBIDDEN while the folder is not trusted
 */
export function requireTrust(): void {
  if (vscode.workspace.isTrusted) return;
  throw new FleetError('SCOPE_FORBIDDEN', 'this folder is not trusted, so that git is not asked about it', {
    hint: 'Trust it: Workspaces: Manage Workspace Trust.',
  });
}

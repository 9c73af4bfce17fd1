import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import type * as vscode from 'vscode';
import { editor } from './editor.ts';
import { Disposable } from './events.ts';
import { part } from './part.ts';
import { Uri } from './uri.ts';

export const workspace = part<typeof vscode.workspace>('workspace', {
  get isTrusted() {
    return editor.isTrusted;
  },
  get onDidGrantWorkspaceTrust() {
    return editor.trusted.event;
  },
  get textDocuments() {
    return editor.texts.documents;
  },
  get onDidOpenTextDocument() {
    return editor.texts.opened.event;
  },
  get onDidCloseTextDocument() {
    return editor.texts.closed.event;
  },
  get onDidChangeConfiguration() {
    return editor.settings.changed.event;
  },
  onDidChangeWorkspaceFolders: () => new Disposable(() => undefined),
  get workspaceFolders() {
    return editor.folders.length === 0 ? undefined : editor.folders.map(folderOf);
  },
  getWorkspaceFolder: uri => {
    const at = editor.folders.findIndex(
      folder => uri.fsPath === folder || uri.fsPath.startsWith(`${folder}/`),
    );
    return uri.scheme !== 'file' || at === -1 ? undefined : folderOf(editor.folders[at]!, at);
  },
  asRelativePath: given => {
    const file = typeof given === 'string' ? given : given.fsPath;
    const folder = editor.folders.find(each => file.startsWith(`${each}/`));
    return folder === undefined ? file : path.relative(folder, file);
  },
  openTextDocument: (uri?: unknown) => {
    if (!(uri instanceof Uri)) throw new Error('the stub of vscode opens documents by their URI only');
    return editor.texts.open(uri);
  },
  /** Finds plans only. */
  findFiles: async (pattern, _exclude, max) => {
    if (typeof pattern !== 'string' || !pattern.includes('.fanout.'))
      throw new Error('the stub of vscode finds only plans');
    const found = await Promise.all(
      editor.folders.map(async folder =>
        (await readdir(folder, { recursive: true }))
          .filter(name => /\.fanout\.ya?ml$/.test(name))
          .map(name => Uri.file(path.join(folder, name))),
      ),
    );
    return found.flat().slice(0, max);
  },
  createFileSystemWatcher: () =>
    part<vscode.FileSystemWatcher>('FileSystemWatcher', {
      onDidCreate: editor.files.created.event,
      onDidChange: editor.files.changed.event,
      onDidDelete: editor.files.deleted.event,
      dispose: () => undefined,
    }),
  registerTextDocumentContentProvider: (scheme, provider) => editor.texts.provide(scheme, provider),
  getConfiguration: (section = '') => editor.settings.section(section),
  fs: part<vscode.FileSystem>('workspace.fs', {
    stat: async uri => {
      const { size, mtimeMs, ctimeMs, isDirectory } = await stat(uri.fsPath).then(found => ({
        ...found,
        isDirectory: found.isDirectory(),
      }));
      return { type: isDirectory ? 2 : 1, size, mtime: mtimeMs, ctime: ctimeMs };
    },
    readFile: uri => readFile(uri.fsPath),
    writeFile: (uri, content) => writeFile(uri.fsPath, content),
  }),
});

const folderOf = (folder: string, index: number): vscode.WorkspaceFolder => ({
  uri: Uri.file(folder),
  name: path.basename(folder),
  index,
});

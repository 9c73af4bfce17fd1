/**
 * A stub of `vscode` for unit tests: of the editor's API what the extension uses, held against its types, with an editor
 * behind it that a test can look at and a person who answers as the test says. `tsconfig.json` has the tests find it.
 */

export * from './vscode/values.ts';
export { Disposable, EventEmitter } from './vscode/events.ts';
export { commands, env, l10n, languages, tasks } from './vscode/namespaces.ts';
export { Position, Range, Selection } from './vscode/places.ts';
export { Uri } from './vscode/uri.ts';
export { window } from './vscode/window.ts';
export { workspace } from './vscode/workspace.ts';

/** For tests, beside the API. */
export * from './vscode/editor.ts';
export { part } from './vscode/part.ts';
export * from './vscode/person.ts';
export type { OpenDocument, OpenEditor, Texts } from './vscode/texts.ts';

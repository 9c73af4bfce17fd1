/**
 * A stub of `vscode` for unit tests: the parts of the editor's API that the extension uses, checked against its types.
 * Behind it are an editor that a test can inspect, and a person whose answers a test determines. `tsconfig.json` maps
 * `vscode` to it in tests.
 */

export * from './vscode/values.ts';
export { Disposable, EventEmitter } from './vscode/events.ts';
export { commands, env, l10n, languages, tasks } from './vscode/namespaces.ts';
export { Location, Position, Range, Selection } from './vscode/places.ts';
export { Uri } from './vscode/uri.ts';
export * from './vscode/test-explorer.ts';
export { window } from './vscode/window.ts';
export { workspace } from './vscode/workspace.ts';

/** For tests, in addition to the API. */
export * from './vscode/editor.ts';
export { part } from './vscode/part.ts';
export * from './vscode/person.ts';
export type { OpenDocument, OpenEditor, Texts } from './vscode/texts.ts';

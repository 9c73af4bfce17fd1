import * as vscode from 'vscode';
import { messageOf } from '../../engine/errors.ts';
import type { EngineAccess } from '../access.ts';
import { isPlan } from './plan-files.ts';
import type { Plans } from './plans.ts';
import { statesOf, type Tone } from './states.ts';

/** Colours are the editor's own; each state has a sign and words as well. */
const COLOURS: Readonly<Record<Tone, string>> = {
  accepted: 'testing.iconPassed',
  failed: 'testing.iconFailed',
  running: 'testing.runAction',
  pending: 'descriptionForeground',
};
/** A running fan-out is read this often at most, in milliseconds. */
const READ_MS = 250;

/** Shows beside each subtask of a plan how it does, or did, in its last run. */
export class PlanDecorations implements vscode.Disposable {
  readonly #plans: Plans;
  readonly #access: EngineAccess;
  readonly #log: vscode.LogOutputChannel;
  readonly #types: Readonly<Record<Tone, vscode.TextEditorDecorationType>>;
  readonly #owned: readonly vscode.Disposable[];
  #timer: NodeJS.Timeout | undefined;

  constructor(plans: Plans, access: EngineAccess, log: vscode.LogOutputChannel) {
    this.#plans = plans;
    this.#access = access;
    this.#log = log;
    const typeOf = (tone: Tone): vscode.TextEditorDecorationType =>
      vscode.window.createTextEditorDecorationType({
        after: { color: new vscode.ThemeColor(COLOURS[tone]), margin: '0 0 0 2em' },
      });
    this.#types = {
      accepted: typeOf('accepted'),
      failed: typeOf('failed'),
      running: typeOf('running'),
      pending: typeOf('pending'),
    };
    this.#owned = [
      ...Object.values(this.#types),
      plans.onDidChange(() => this.#soon()),
      vscode.window.onDidChangeVisibleTextEditors(() => this.#soon()),
    ];
  }

  dispose(): void {
    clearTimeout(this.#timer);
    for (const owned of this.#owned) owned.dispose();
  }

  #soon(): void {
    const editors = vscode.window.visibleTextEditors.filter(({ document }) => isPlan(document));
    if (editors.length === 0) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      for (const editor of editors)
        void this.#show(editor).catch((error: unknown) => this.#log.debug(`plans: ${messageOf(error)}`));
    }, READ_MS);
  }

  async #show(editor: vscode.TextEditor): Promise<void> {
    const { uri } = editor.document;
    const shown = new Map<Tone, vscode.DecorationOptions[]>();
    const states = await statesOf(this.#plans, this.#access, uri);
    this.#plans.outline(uri)?.subtasks.forEach(({ nameEnd }, place) => {
      const state = states.get(place);
      if (state === undefined) return;
      const at = new vscode.Position(nameEnd.line, nameEnd.character);
      const renderOptions = { after: { contentText: state.text } };
      shown.set(state.tone, [
        ...(shown.get(state.tone) ?? []),
        { range: new vscode.Range(at, at), renderOptions },
      ]);
    });
    for (const [tone, type] of Object.entries(this.#types))
      editor.setDecorations(type, shown.get(tone as Tone) ?? []);
  }
}

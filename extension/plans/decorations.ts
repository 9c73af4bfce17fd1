import * as vscode from 'vscode';
import { messageOf } from '../../engine/errors.ts';
import { Paced } from './paced.ts';
import { isPlan } from './plan-files.ts';
import type { Plans } from './plans.ts';
import { statesOf, type Tone } from './states.ts';

/** The colours of the editor. Each state has a sign and words as well. */
const COLOURS: Readonly<Record<Tone, string>> = {
  accepted: 'testing.iconPassed',
  failed: 'testing.iconFailed',
  skipped: 'testing.iconSkipped',
  running: 'testing.runAction',
  pending: 'descriptionForeground',
};
/** The shortest time between two readings of a running fan-out, in milliseconds. */
const READ_MS = 250;

/** Shows the state of each subtask of a plan in its last run, beside the subtask. */
export class PlanDecorations implements vscode.Disposable {
  readonly #plans: Plans;
  readonly #log: vscode.LogOutputChannel;
  readonly #types: Readonly<Record<Tone, vscode.TextEditorDecorationType>>;
  readonly #owned: readonly vscode.Disposable[];
  readonly #showing = new Paced(() => this.#showAll(), READ_MS);

  constructor(plans: Plans, log: vscode.LogOutputChannel) {
    this.#plans = plans;
    this.#log = log;
    const typeOf = (tone: Tone): vscode.TextEditorDecorationType =>
      vscode.window.createTextEditorDecorationType({
        after: { color: new vscode.ThemeColor(COLOURS[tone]), margin: '0 0 0 2em' },
      });
    this.#types = {
      accepted: typeOf('accepted'),
      failed: typeOf('failed'),
      skipped: typeOf('skipped'),
      running: typeOf('running'),
      pending: typeOf('pending'),
    };
    this.#owned = [
      this.#showing,
      ...Object.values(this.#types),
      plans.onDidChange(() => this.#soon()),
      vscode.window.onDidChangeVisibleTextEditors(() => this.#soon()),
    ];
  }

  dispose(): void {
    for (const owned of this.#owned) owned.dispose();
  }

  #soon(): void {
    if (shownPlans().length > 0) this.#showing.soon();
  }

  async #showAll(): Promise<void> {
    await Promise.all(
      shownPlans().map(editor =>
        this.#show(editor).catch((error: unknown) => this.#log.debug(`plans: ${messageOf(error)}`)),
      ),
    );
  }

  async #show(editor: vscode.TextEditor): Promise<void> {
    const { uri } = editor.document;
    const shown = new Map<Tone, vscode.DecorationOptions[]>();
    const states = await statesOf(this.#plans, uri);
    if (!vscode.window.visibleTextEditors.includes(editor)) return;
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

const shownPlans = (): readonly vscode.TextEditor[] =>
  vscode.window.visibleTextEditors.filter(({ document }) => isPlan(document));

import * as vscode from 'vscode';
import type { ChildDocument } from '../../engine/contract/documents.ts';
import { duration } from '../../engine/contract/format.ts';
import { messageOf } from '../../engine/errors.ts';
import type { EngineAccess } from '../access.ts';
import { verdictText } from '../views/appearance.ts';
import { childrenOf } from './last-run.ts';
import { isPlan } from './plan-files.ts';
import type { Plans } from './plans.ts';

type Tone = 'accepted' | 'failed' | 'running' | 'pending';

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
    const task = this.#plans.lastRun(uri);
    const { client } = this.#access;
    const children =
      task?.fan_out == null || client === undefined ? [] : await childrenOf(client, task.thread);
    const shown = new Map<Tone, vscode.DecorationOptions[]>();
    const byName = new Map(children.map(child => [child.name ?? child.goal, child]));
    for (const { names, nameEnd } of this.#plans.outline(uri)?.subtasks ?? []) {
      const own = names.flatMap(name => (name === null ? [] : (byName.get(name) ?? [])));
      if (own.length === 0) continue;
      const { tone, text } = summary(own);
      const at = new vscode.Position(nameEnd.line, nameEnd.character);
      const option = { range: new vscode.Range(at, at), renderOptions: { after: { contentText: text } } };
      shown.set(tone, [...(shown.get(tone) ?? []), option]);
    }
    for (const [tone, type] of Object.entries(this.#types))
      editor.setDecorations(type, shown.get(tone as Tone) ?? []);
  }
}

const SIGNS: Readonly<Record<Tone, string>> = { accepted: '✓', failed: '✗', running: '●', pending: '○' };

/** What is said of the subtasks that one entry makes: of one its state, of several how many are in which. */
export function summary(children: readonly ChildDocument[]): { readonly tone: Tone; readonly text: string } {
  const tones = children.map(toneOf);
  const tone = (['failed', 'running', 'pending', 'accepted'] as const).find(each => tones.includes(each))!;
  const [only] = children;
  if (children.length === 1 && only !== undefined) return { tone, text: `${SIGNS[tone]} ${stateText(only)}` };
  const counts = (['accepted', 'failed', 'running', 'pending'] as const).flatMap(each => {
    const count = tones.filter(other => other === each).length;
    return count === 0 ? [] : [`${count} ${SIGNS[each]}`];
  });
  return { tone, text: counts.join('  ') };
}

function toneOf({ state, verdict }: ChildDocument): Tone {
  if (state === 'running') return 'running';
  if (state === 'pending') return 'pending';
  return verdict === 'accept' ? 'accepted' : 'failed';
}

function stateText({ state, verdict, wall_time_secs: wall, worker }: ChildDocument): string {
  if (state === 'running') return vscode.l10n.t('running on {0}', worker ?? '?');
  if (state === 'pending') return vscode.l10n.t('pending');
  return `${verdictText(verdict ?? '')} · ${duration(wall)}`;
}

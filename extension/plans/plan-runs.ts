import * as v from 'valibot';
import * as vscode from 'vscode';

/** The most plans that are remembered. The plans that were run last are kept. */
const MAX_RUNS = 100;
const KEY = 'fleet.planRuns';

const runsSchema = v.array(v.strictObject({ uri: v.string(), thread: v.string() }));
type Run = v.InferOutput<typeof runsSchema>[number];

/** The task of each plan's last run, in this workspace. */
export class PlanRuns {
  readonly #memento: vscode.Memento;
  readonly #changed = new vscode.EventEmitter<string>();
  /** Fires with the plan that was run. */
  readonly onDidRun = this.#changed.event;

  constructor(memento: vscode.Memento) {
    this.#memento = memento;
  }

  threadOf(uri: string): string | undefined {
    return this.all.find(run => run.uri === uri)?.thread;
  }

  async note(uri: string, thread: string): Promise<void> {
    const others = this.all.filter(run => run.uri !== uri).slice(0, MAX_RUNS - 1);
    await this.#memento.update(KEY, [{ uri, thread }, ...others]);
    this.#changed.fire(uri);
  }

  dispose(): void {
    this.#changed.dispose();
  }

  /** The runs, the last one first. Ignores a stored value of another shape, which an earlier version or a person may have left. */
  get all(): readonly Run[] {
    const result = v.safeParse(runsSchema, this.#memento.get(KEY));
    return result.success ? result.output : [];
  }
}

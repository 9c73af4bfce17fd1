import { IncrementalYaml } from './incremental-yaml.ts';
import type { ParamValues } from './matrix.ts';
import type { ReadSubtasks } from './subtask-reader.ts';

/** The parts of the last text of a plan that the next reading reuses where the text is the same. */
export class PlanMemory {
  readonly yaml = new IncrementalYaml();
  #subtasks: ReadSubtasks = new WeakMap();
  #params = '';

  /** Returns the subtasks without diagnostics; none once the params have changed. */
  subtasksWith(known: readonly string[], params: ParamValues): ReadSubtasks {
    const key = JSON.stringify([known, ...params]);
    if (key !== this.#params) this.#subtasks = new WeakMap();
    this.#params = key;
    return this.#subtasks;
  }
}

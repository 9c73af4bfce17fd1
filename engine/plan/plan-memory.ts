import { IncrementalYaml } from './incremental-yaml.ts';
import type { ReadSubtasks } from './subtask-reader.ts';

/** The parts of the last text of a plan that the next reading reuses where the text is the same. */
export class PlanMemory {
  readonly yaml = new IncrementalYaml();
  /** The subtasks without diagnostics. */
  readonly subtasks: ReadSubtasks = new WeakMap();
}

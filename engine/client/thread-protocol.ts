import * as v from 'valibot';
import { errorSchema } from '../contract/documents.ts';

/** The messages between a process and the coordinator in one of its threads, in addition to the API. */

/** The data that the thread is started with. */
export const threadDataSchema = v.object({
  /** The absolute path of the home. */
  home: v.string(),
  /** The priority of the workers that it launches, 0 to 19. */
  workerPriority: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(19)),
});
export type ThreadData = v.InferOutput<typeof threadDataSchema>;

/** The only message to the thread: release the home, and end. */
export const closeSchema = v.object({ kind: v.literal('close') });
export type CloseMessage = v.InferOutput<typeof closeSchema>;

export const threadMessageSchema = v.variant('kind', [
  v.object({ kind: v.literal('log'), level: v.picklist(['info', 'error']), message: v.string() }),
  /** The home is open and served. */
  v.object({ kind: v.literal('open'), notes: v.array(v.string()) }),
  /** The coordinator was asked to stop, or cannot go on for this error. It waits to be closed. */
  v.object({ kind: v.literal('stopped'), error: v.nullable(errorSchema) }),
  /** The home could not be opened, and nothing is held. */
  v.object({ kind: v.literal('refused'), error: errorSchema }),
]);
export type ThreadMessage = v.InferOutput<typeof threadMessageSchema>;

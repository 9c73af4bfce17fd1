import * as v from 'valibot';

/**
 * The messages between the preview of a plan and its host. Both sides decode what they receive, and drop a message that
 * they do not understand.
 */

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
export const TONES = ['accepted', 'failed', 'skipped', 'running', 'pending'] as const;
export type Tone = (typeof TONES)[number];

export const toPreviewSchema = v.variant('type', [
  v.object({
    type: v.literal('graph'),
    /** The plan, which the page saves so that it is shown again after a reload. */
    uri: v.string(),
    goal: v.string(),
    join: v.string(),
    nodes: v.array(
      v.object({
        id: whole,
        name: v.string(),
        detail: v.string(),
        count: whole,
        layer: whole,
        /** The condition of a follow-up, in words; null for a member of the join. */
        follows: v.nullable(v.string()),
        /** The state in the last run, as a tone and in words; null if the subtask was not part of it. */
        tone: v.nullable(v.picklist(TONES)),
        state: v.string(),
      }),
    ),
    edges: v.array(v.object({ from: whole, to: whole })),
    /** The number of subtasks that were left out of the picture. */
    left: whole,
    words: v.object({
      empty: v.string(),
      waitsFor: v.string(),
      join: v.string(),
      left: v.string(),
      zoom: v.string(),
      zoomIn: v.string(),
      zoomOut: v.string(),
      zoomFit: v.string(),
    }),
  }),
  /** The subtask at the cursor. */
  v.object({ type: v.literal('cursor'), id: v.nullable(whole) }),
]);
export type ToPreview = v.InferOutput<typeof toPreviewSchema>;
export type GraphMessage = Extract<ToPreview, { type: 'graph' }>;

const savedPlanSchema = v.object({ uri: v.pipe(v.string(), v.nonEmpty(), v.maxLength(4096)) });

/** Returns the plan of a page from the state that it saved with the editor; null if the state names none. */
export function savedPlanOf(state: unknown): string | null {
  const result = v.safeParse(savedPlanSchema, state);
  return result.success ? result.output.uri : null;
}

export const fromPreviewSchema = v.variant('type', [
  v.object({ type: v.literal('ready') }),
  /** Requests that a subtask be shown in its file. */
  v.object({ type: v.literal('reveal'), id: whole, name: v.string() }),
]);
export type FromPreview = v.InferOutput<typeof fromPreviewSchema>;

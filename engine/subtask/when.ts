/** The results of its dependencies on which a subtask starts. */
export const WHENS = ['accepted', 'failed', 'always'] as const;

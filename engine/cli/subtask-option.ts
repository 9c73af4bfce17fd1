/** The help of `--subtask`. */
export const SUBTASK = 'its name, its index from 0, or a pattern of names such as test-*';

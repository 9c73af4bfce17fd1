/**
 * The pages for users, by their paths from the root. They are packaged with the extension, and tests run their
 * commands.
 */
export const PAGES = [
  'README.md',
  'docs/editor.md',
  'docs/cli.md',
  'docs/tasks.md',
  'docs/fan-outs.md',
  'docs/plans.md',
  'docs/agents.md',
  'docs/namespaces-and-policies.md',
  'docs/api.md',
  'docs/rules.md',
  'docs/homes-and-backup.md',
  'docs/security.md',
  'docs/when-things-die.md',
  'docs/how-it-works.md',
] as const;

/** The index of `docs`, which contains no commands. */
export const INDEX = 'docs/README.md';

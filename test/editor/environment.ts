/** The variables that another editor sets, and that code-server would read as its own settings. */
const FOREIGN = /^(VSCODE_|ELECTRON_|NODE_OPTIONS$|PORT$|PASSWORD$|HASHED_PASSWORD$|npm_|XDG_|CODE_SERVER_)/;

/** Returns the environment of this process, without variables that would change an editor under test. */
export function environment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !FOREIGN.test(entry[0]),
    ),
  );
}

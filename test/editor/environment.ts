/** The variables that an editor that starts us, or code-server itself, would take for its own settings. */
const FOREIGN = /^(VSCODE_|ELECTRON_|NODE_OPTIONS$|PORT$|PASSWORD$|HASHED_PASSWORD$|npm_|XDG_|CODE_SERVER_)/;

/** The environment of this process without what would change how an editor under test behaves. */
export function environment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !FOREIGN.test(entry[0]),
    ),
  );
}

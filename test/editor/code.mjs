#!/usr/bin/env node
import { register } from 'tsx/esm/api';

// What `runTests` of @vscode/test-electron starts where there is no desktop VS Code. It understands the same words.
register();
const { main } = await import('./shim.ts');
process.exitCode = await main(process.argv.slice(2));
process.exit();

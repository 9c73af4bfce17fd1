#!/usr/bin/env node
import { register } from 'tsx/esm/api';

// The program that `runTests` of @vscode/test-electron starts if there is no desktop VS Code. It accepts the same
// arguments.
register();
const { main } = await import('./shim.ts');
process.exitCode = await main(process.argv.slice(2));
process.exit();

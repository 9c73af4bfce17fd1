import { createConnection } from 'vscode-languageserver/node';
import { servePlans } from '../language/server.ts';

/** Serves plans to the editor that started this process, by `--stdio` or `--node-ipc`. */
servePlans(createConnection());

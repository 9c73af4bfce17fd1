import { createConnection } from 'vscode-languageserver/node';
import { servePlans } from '../language/server.ts';

/** The server of plans: a process that an editor starts and speaks to, by `--stdio` or `--node-ipc`. */
servePlans(createConnection());

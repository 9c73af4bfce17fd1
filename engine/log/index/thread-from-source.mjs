import { register } from 'tsx/esm/api';

/** Starts `thread.ts` where nothing was built: Node.js does not hand the loader of TypeScript on to threads. */
register();
await import('./thread.ts');

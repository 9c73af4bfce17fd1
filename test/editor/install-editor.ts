import { installEditor } from './install.ts';

/** Installs the editor ahead of the stages that need it, so that it is installed once. */
await installEditor();

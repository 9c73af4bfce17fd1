import { writeFile } from 'node:fs/promises';
import { planJsonSchema } from './plan-schema.ts';

/** Writes the schema of plans to where it is published. Run by `npm run schema`. */
const file = new URL('../../../media/fanout.schema.json', import.meta.url);
await writeFile(file, `${JSON.stringify(planJsonSchema(), null, 2)}\n`);

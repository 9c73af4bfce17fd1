// A stand-in for a worker's program. The file `behaviour` in its home says what it does; what it was started with it
// writes to `started.jsonl` there, a line for each process.
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const home = process.argv[process.argv.indexOf('--home') + 1];
const behaviour = readFileSync(join(home, 'behaviour'), 'utf8').trim();
const begun = {
  pid: process.pid,
  argv: process.argv.slice(2),
  cwd: process.cwd(),
  token: process.env.SPL_TOKEN ?? null,
};
if (behaviour === 'ignore SIGTERM') process.on('SIGTERM', () => {});
if (behaviour === 'fail') {
  console.error('no such luck');
  appendFileSync(join(home, 'started.jsonl'), JSON.stringify(begun) + '\n');
  process.exit(3);
}
setInterval(() => {}, 1000);
console.log('it runs');
appendFileSync(join(home, 'started.jsonl'), JSON.stringify(begun) + '\n');

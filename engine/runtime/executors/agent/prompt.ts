import type { AttemptSpec, Dependency } from '../executor.ts';
import { cutToLength } from '../summary.ts';

/** The maximum length of the text about the dependencies of an attempt, in UTF-16 code units. */
const MAX_BACKGROUND = 32_000;

/** Returns the prompt of an agent: the goal, a person's hint at a retry, and the results of its dependencies. */
export function promptOf({ goal, hint, depends, session, earlierBranch }: AttemptSpec): string {
  const parts = [goal];
  if (earlierBranch !== null)
    parts.push(
      `This folder begins anew. What your last attempt changed is on the git branch ${earlierBranch}.`,
    );
  if (hint !== null)
    parts.push(`${session === null ? 'For this attempt' : 'Your last attempt was not taken'}: ${hint}`);
  else if (session !== null)
    parts.push('Your last attempt did not come to its end. Go on from where it stopped.');
  if (depends.length > 0) parts.push(background(depends));
  return `${parts.join('\n\n')}\n`;
}

function background(depends: readonly Dependency[]): string {
  const share = Math.floor(MAX_BACKGROUND / depends.length);
  const lines = depends.map(each => cutToLength(describe(each), share));
  return `This builds on work that is done:\n\n${lines.join('\n\n')}`;
}

function describe({ index, name, summary, branch }: Dependency): string {
  const what = `${name === null ? `Subtask ${index}` : `Subtask ${index} (${name})`}`;
  const where = branch === null ? '' : `, its changes on the git branch ${branch}`;
  return `${what}${where}:\n${summary === '' ? '(it said nothing)' : summary}`;
}

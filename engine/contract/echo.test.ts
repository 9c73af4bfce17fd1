import assert from 'node:assert/strict';
import { echoText, looksLikeCommand } from './echo.ts';

describe('subtasks for which nothing was run', () => {
  for (const goal of [
    'npm test',
    'make',
    'make check',
    './gradlew build',
    '../bin/x',
    '/usr/bin/true',
    'cargo build --release',
    'go test ./...',
    'CI=1 npm test',
    'mytool --fast',
    'cat a.txt | wc -l',
    'python3 -m pytest',
    'build.sh && deploy.sh',
  ])
    it(`recognises '${goal}' as a command`, () => assert.equal(looksLikeCommand(goal), true));

  for (const goal of [
    'Draft the notes',
    'make the tests of the parser pass',
    'go through the documents of last year',
    'find out why it fails',
    'a',
    'review / approve',
    'a half-open port - and why',
    '',
    'Make check',
    'npm test\nand tell me',
  ])
    it(`recognises '${goal}' as prose`, () => assert.equal(looksLikeCommand(goal), false));

  it('are counted, with a hint how to run a goal that looks like a command', () => {
    assert.equal(echoText({ count: 2, command: null }, 2), 'echo: nothing was run');
    assert.equal(echoText({ count: 1, command: null }, 3), 'echo: nothing was run for 1 of 3 subtasks');
    assert.equal(
      echoText({ count: 1, command: 'echo "a"' }, 1),
      `echo: nothing was run; 'echo "a"' looks like a command: to run it, name run="echo \\"a\\""`,
    );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { done, task } from '../../engine/cli/testing/documents.ts';
import { useEditor } from '../testing/editor.ts';
import { code, literal, table } from './markdown.ts';
import { taskPage } from './task-page.ts';

describe('a page', () => {
  useEditor();

  it('shows text from elsewhere literally', () => {
    const hostile = '<img src=x onerror=alert(1)> [a](command:b) ![c](d) `e` | **f**\n# g';
    const escaped = literal(hostile);
    for (const [, before, mark] of escaped.matchAll(/(^|.)([<>[\]()!`|*#])/g))
      assert.equal(before, '\\', mark);
    assert.ok(!escaped.includes('\n'));
    assert.equal(code('a `` b | c'), '``` a `` b \\| c ```');
  });

  it('of a task has its goal, its facts and its subtasks', () => {
    const text = taskPage(task({ goal: 'Check | it' }), [done(0), done(1, 'failed')], 1_750_000_000);
    assert.match(text, /^# Check \\\| it\n\n\|  \|  \|\n/);
    assert.match(text, /\n## Subtasks\n\n/);
    const rows = text
      .slice(text.indexOf('## Subtasks'))
      .split('\n')
      .filter(line => line.startsWith('| '));
    assert.equal(rows.length, 4);
    assert.match(rows[2]!, /passed/);
    assert.match(rows[3]!, /failed/);
  });

  it('of nothing has no table', () => {
    assert.equal(table(['a'], []), '');
    assert.equal(table(['a', 'b'], [['1', '2']]), '| a | b |\n| --- | --- |\n| 1 | 2 |');
  });
});

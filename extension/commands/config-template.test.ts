import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { parseConfig } from '../../engine/home/config.ts';
import { CONFIG_TEMPLATE } from './config-template.ts';

describe('the template of the configuration', () => {
  it('changes nothing', () => {
    assert.deepEqual(parseConfig(CONFIG_TEMPLATE, 'config.toml'), parseConfig('', 'config.toml'));
  });

  it('is valid without its comment signs', () => {
    const [title = '', ...lines] = CONFIG_TEMPLATE.split('\n');
    const text = [title, ...lines.map(line => line.replace(/^#/, ''))].join('\n');
    const { warnings, agents, worktree, fleet } = parseConfig(text, 'config.toml');
    assert.deepEqual(warnings, []);
    assert.deepEqual(agents['reviewer']?.command, ['my-agent', '--print']);
    assert.equal(worktree.setup, 'npm ci');
    assert.equal(fleet.executor, 'shell');
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { controlGroupFolder } from './control-group.ts';

const V1 = '31 30 0:28 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu';

describe('the control group of a process', () => {
  it('lies below where cgroup v2 is mounted', () => {
    const mounts = '24 1 0:22 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw';
    const group = '/user.slice/user-1000.slice/session-3.scope';
    assert.equal(controlGroupFolder(`0::${group}\n`, mounts), `/sys/fs/cgroup${group}`);
    assert.equal(controlGroupFolder('0::/\n', mounts), '/sys/fs/cgroup');
  });

  it('is found beside those of cgroup v1', () => {
    const mounts = `${V1}\n40 30 0:37 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n`;
    assert.equal(controlGroupFolder('8:pids:/a\n1:cpu:/b\n0::/c\n', mounts), '/sys/fs/cgroup/unified/c');
  });

  it('is told from where only a part of the tree is mounted', () => {
    const mounts = '24 1 0:22 /docker/abc /sys/fs/my\\040group rw - cgroup2 cgroup2 rw';
    assert.equal(controlGroupFolder('0::/docker/abc/job\n', mounts), '/sys/fs/my group/job');
    assert.equal(controlGroupFolder('0::/docker/abc\n', mounts), '/sys/fs/my group');
    assert.equal(controlGroupFolder('0::/docker/abcd\n', mounts), null);
  });

  it('is none where there is no cgroup v2', () => {
    assert.equal(controlGroupFolder('8:pids:/a\n', V1), null);
    assert.equal(controlGroupFolder('0::/\n', V1), null);
    assert.equal(controlGroupFolder('', ''), null);
  });
});

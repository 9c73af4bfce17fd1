import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { after, before, describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import { canonical } from '../../record/canonical.ts';
import { decodeResults, takeResults } from './results-file.ts';

describe('the results of an attempt', () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'spl-results-'));
  });
  after(() => rm(dir, { recursive: true }));

  it('are lines, of which a value that is JSON is taken as JSON', () => {
    const text =
      'tag=v1.2\nn=3\nlist=["a", "b"]\r\n\nquoted="a=b"\nempty=\nbroken={"a"\nversion=1.10\nid=12345678901234567890\n';
    assert.deepEqual(decodeResults(text), {
      tag: 'v1.2',
      n: 3,
      list: ['a', 'b'],
      quoted: 'a=b',
      empty: '',
      broken: '{"a"',
      version: '1.10',
      id: '12345678901234567890',
    });
  });

  it('are a JSON object', () => {
    assert.deepEqual(decodeResults(' {"a": [1, {"b": null}]}'), { a: [1, { b: null }] });
  });

  for (const [text, why] of [
    ['no value', /line 1 of \$SPL_RESULTS is not of the form KEY=VALUE/],
    ['a=1\n=2', /line 2 of/],
    ['{"a": 1', /begins with \{ and is not JSON/],
    ['a b=1', /the key 'a b' must be a name/],
    ['{"__proto__x y": 1}', /must be a name/],
    ['{"n": 12345678901234567890}', /./],
    ['a=\0', /not text/],
  ] as const)
    it(`are refused: ${JSON.stringify(text)}`, () => assert.throws(() => decodeResults(text), why));

  it('can be recorded, or are refused, whatever a command wrote', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .dictionary(fc.constantFrom('a', 'b-c', '__proto__', 'd e'), fc.jsonValue())
        .map(each => JSON.stringify(each)),
      fc
        .array(fc.tuple(fc.constantFrom('a', 'b'), fc.string()), { maxLength: 3 })
        .map(lines => lines.map(line => line.join('=')).join('\n')),
    );
    fc.assert(
      fc.property(text, written => {
        let results;
        try {
          results = decodeResults(written);
        } catch (error) {
          return assert.ok(error instanceof Error && error.message !== '');
        }
        assert.deepEqual(JSON.parse(canonical(results)), results);
      }),
      { numRuns: runs(1_000) },
    );
  });

  it('are taken from a file once, and only from a small file of text', async () => {
    const path = (name: string): string => join(dir, name);
    assert.deepEqual(await takeResults(path('missing')), {});
    await writeFile(path('a'), 'x=1\n');
    assert.deepEqual(await takeResults(path('a')), { results: { x: 1 } });
    assert.ok(!existsSync(path('a')));
    const faults: string[] = [];
    const fault = async (name: string): Promise<void> => {
      const read = await takeResults(path(name));
      faults.push('fault' in read ? read.fault : 'none');
      assert.ok(!existsSync(path(name)));
    };
    await writeFile(path('large'), `x=${'y'.repeat(64 * 1024)}`);
    await fault('large');
    await writeFile(path('bytes'), Buffer.from([0x61, 0x3d, 0xff]));
    await fault('bytes');
    execFileSync('mkfifo', [path('pipe')]);
    await fault('pipe');
    await symlink('/etc/passwd', path('link'));
    await fault('link');
    assert.match(
      faults[0]!,
      /its results are not used: \$SPL_RESULTS has 65538 bytes, more than the 65536 allowed/,
    );
    assert.match(faults[1]!, /its results are not used: .*valid/);
    assert.match(faults[2]!, /\$SPL_RESULTS is not a file/);
    assert.match(faults[3]!, /ELOOP/);
  });
});

import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { once } from 'node:events';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { FleetError } from '../../errors.ts';
import { readLines } from './lines.ts';

/** What is read of these chunks with a bound on lines. */
async function read(
  chunks: readonly Uint8Array[],
  maxBytes: number,
): Promise<{ lines: string[]; error: FleetError | undefined }> {
  const stream = new PassThrough();
  const lines: string[] = [];
  let error: FleetError | undefined;
  readLines(stream, {
    maxBytes: () => maxBytes,
    onLine: line => lines.push(line),
    onError: each => {
      assert.equal(error, undefined, 'told twice');
      error = each;
    },
  });
  const over = once(stream, 'close');
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await over;
  return { lines, error };
}

describe('readLines', () => {
  it('gives the lines that were written, whatever pieces they come in', async () => {
    const anyLine = fc.string({ unit: 'binary', maxLength: 20 }).map(text => text.replaceAll('\n', ' '));
    await fc.assert(
      fc.asyncProperty(fc.array(anyLine), fc.array(fc.nat(7), { minLength: 1 }), async (lines, sizes) => {
        const bytes = Buffer.from(lines.map(line => `${line}\n`).join(''));
        const chunks: Buffer[] = [];
        for (let from = 0, i = 0; from < bytes.length; i++) {
          const to = from + sizes[i % sizes.length]! + 1;
          chunks.push(bytes.subarray(from, to));
          from = to;
        }
        assert.deepEqual(await read(chunks, 1000), { lines, error: undefined });
      }),
      { numRuns: 50 },
    );
  });

  it('takes a line of just the longest length, and none that is longer', async () => {
    const line = 'é'.repeat(50);
    for (const pieces of [1, 7, 200]) {
      const bytes = Buffer.from(`a\n${line}\nb\n`);
      const chunks = Array.from({ length: Math.ceil(bytes.length / pieces) }, (_, i) =>
        bytes.subarray(i * pieces, (i + 1) * pieces),
      );
      assert.deepEqual(await read(chunks, 100), { lines: ['a', line, 'b'], error: undefined });
      const { lines, error } = await read(chunks, 99);
      assert.deepEqual(lines, ['a']);
      assert.ok(FleetError.is(error, 'LINK_BROKEN'));
      assert.match(error.message, /longer than 99 bytes/);
    }
  });

  it('does not wait for the end of a line that is too long', async () => {
    const { lines, error } = await read([Buffer.alloc(40, 'x'), Buffer.alloc(40, 'x')], 64);
    assert.deepEqual(lines, []);
    assert.ok(FleetError.is(error, 'LINK_BROKEN'));
  });

  it('takes what stands behind the last newline for no line', async () => {
    assert.deepEqual(await read([Buffer.from('a\nb')], 10), { lines: ['a'], error: undefined });
  });

  it('reads nothing more once its stream is destroyed', async () => {
    const stream = new PassThrough();
    const lines: string[] = [];
    readLines(stream, {
      maxBytes: () => 100,
      onLine: line => {
        lines.push(line);
        stream.destroy();
      },
      onError: error => assert.fail(error),
    });
    stream.write('a\nb\nc\n');
    await once(stream, 'close');
    assert.deepEqual(lines, ['a']);
  });
});

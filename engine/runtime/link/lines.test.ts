import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { once } from 'node:events';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { runs } from '../../../test/runs.ts';
import { FleetError } from '../../errors.ts';
import { readLines } from './lines.ts';

/** Reads the lines of these chunks with a bound on their length. */
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
      { numRuns: runs(50) },
    );
  });

  it('leaves turns of the event loop to others while much comes in', async () => {
    const stream = new PassThrough();
    let turn = 0;
    const taken: number[] = [];
    readLines(stream, {
      maxBytes: () => 100,
      onLine: () => {
        taken.push(turn);
        // What a line causes takes its time.
        for (const begun = performance.now(); performance.now() - begun < 6;);
      },
      onError: assert.fail,
    });
    const over = once(stream, 'close');
    for (let i = 0; i < 18; i++) stream.write('line\n');
    stream.end();
    const count = (): void => {
      turn++;
      if (!stream.closed) setImmediate(count);
    };
    setImmediate(count);
    await over;
    assert.equal(taken.length, 18);
    const turns = new Set(taken).size;
    assert.ok(turns >= 3, `all were taken in ${turns} turns`);
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

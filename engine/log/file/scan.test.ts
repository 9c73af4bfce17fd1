import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { LogFile } from './files.ts';
import { FRAME_HEADER_BYTES, writeFrameHeader } from './frame.ts';
import { FrameScanner, findNextFrame } from './scan.ts';

const CHUNK = 1024 * 1024;

/** A file that is only read. */
function fileOf(bytes: Buffer): LogFile {
  const read = (target: Uint8Array, position: number): number => {
    const part = bytes.subarray(position, position + target.length);
    target.set(part);
    return part.length;
  };
  const refuse = (): never => assert.fail('nothing but reading is asked for');
  return {
    read: (target, position) => Promise.resolve(read(target, position)),
    readSync: read,
    size: () => Promise.resolve(bytes.length),
    write: refuse,
    datasync: refuse,
    close: refuse,
  };
}

function frame(payload: Buffer, previous: number): { readonly bytes: Buffer; readonly chain: number } {
  const bytes = Buffer.concat([Buffer.alloc(FRAME_HEADER_BYTES), payload]);
  return { bytes, chain: writeFrameHeader(bytes, 'batch', payload, previous) };
}

/** Frames with payloads of these sizes, one behind the other. */
function framesOf(sizes: readonly number[]): Buffer {
  let previous = 0;
  const all = sizes.map(size => {
    const { bytes, chain } = frame(Buffer.alloc(size, 'x'), previous);
    previous = chain;
    return bytes;
  });
  return Buffer.concat(all);
}

async function scan(bytes: Buffer): Promise<{ offsets: number[]; scanner: FrameScanner }> {
  const scanner = new FrameScanner(fileOf(bytes), { from: 0, to: bytes.length, previous: 0 });
  const offsets: number[] = [];
  for (let frames = await scanner.next(); frames.length > 0; frames = await scanner.next()) {
    for (const { offset, end, payload } of frames) {
      offsets.push(offset);
      assert.deepEqual(payload, bytes.subarray(offset + FRAME_HEADER_BYTES, end));
    }
  }
  return { offsets, scanner };
}

describe('FrameScanner', () => {
  it('reads frames that lie anyhow about the borders of the chunks it reads', async () => {
    for (let shift = -45; shift <= 5; shift++) {
      const sizes = [CHUNK + shift, 5, CHUNK - 60 - shift, 0, 3 * CHUNK, 100];
      const bytes = framesOf(sizes);
      const { offsets, scanner } = await scan(bytes);
      assert.equal(offsets.length, sizes.length);
      assert.equal(scanner.damage, undefined);
      assert.equal(scanner.offset, bytes.length);
    }
  });

  it('tells a damaged frame from an unfinished one, wherever the next frame stands', async () => {
    for (let shift = -45; shift <= 5; shift++) {
      const bytes = framesOf([10, CHUNK + shift, 7]);
      bytes[30 + 2]! ^= 1;
      const { offsets, scanner } = await scan(bytes);
      assert.deepEqual(offsets, [0]);
      assert.equal(scanner.damage?.offset, 30);
      assert.equal(scanner.damage.torn, false);
      const cut = await scan(bytes.subarray(0, 30 + FRAME_HEADER_BYTES + CHUNK + shift));
      assert.equal(cut.scanner.damage?.torn, true);
    }
  });
});

describe('findNextFrame', () => {
  it('finds a header across the border of two chunks, and none that is not whole', async () => {
    const { bytes: header } = frame(Buffer.alloc(0), 0);
    for (let at = CHUNK - 25; at <= CHUNK + 5; at++) {
      // A header begins with 0xff, so that it might begin anywhere near the border.
      const bytes = Buffer.concat([Buffer.alloc(at).fill(0xff, at - 100), header]);
      assert.equal(await findNextFrame(fileOf(bytes), 0, bytes.length), at);
      assert.equal(await findNextFrame(fileOf(bytes), 0, bytes.length - 1), undefined);
      assert.equal(await findNextFrame(fileOf(bytes), at + 1, bytes.length), undefined);
    }
  });
});

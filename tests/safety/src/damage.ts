/** Random damage to an image, seeded; where files have their content it is left alone, because no file system can tell that. */
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';

const BLOCK = 4096;
/** Each block of a file begins so: what lies where can be told from the image. */
export const MARK = Buffer.from('rexray-content-block:');

export type Dice = (n: number) => number;
export function dice(seed: number): Dice {
  let x = (seed * 2_654_435_761) >>> 0 || 1;
  return (n) => {
    x ^= x << 13;
    x >>>= 0;
    x ^= x >>> 17;
    x ^= x << 5;
    x >>>= 0;
    return x % n;
  };
}

/** Content of a file of so many blocks, each told from every other. */
export function content(name: string, blocks: number): Buffer {
  const all = Buffer.alloc(blocks * BLOCK);
  for (let i = 0; i < blocks; i++) {
    MARK.copy(all, i * BLOCK);
    all.write(`${name}:${i}`, i * BLOCK + MARK.length);
    all.fill((i * 7 + name.length) & 0xff, i * BLOCK + 64, (i + 1) * BLOCK);
  }
  return all;
}

/** Blocks with metadata: neither zeros nor content. */
export function metadata(path: string): readonly number[] {
  const fd = openSync(path, 'r');
  try {
    const found: number[] = [];
    const { size } = fstatSync(fd);
    const chunk = Buffer.alloc(256 * BLOCK);
    for (let at = 0; at < size; at += chunk.length) {
      const n = readSync(fd, chunk, 0, chunk.length, at);
      for (let i = 0; i < n; i += BLOCK) {
        const b = chunk.subarray(i, Math.min(i + BLOCK, n));
        if (!b.subarray(0, MARK.length).equals(MARK) && b.some((x) => x !== 0)) found.push((at + i) / BLOCK);
      }
    }
    return found;
  } finally {
    closeSync(fd);
  }
}

/** @returns what was done, for people */
export function damage(path: string, blocks: readonly number[], roll: Dice): string {
  const fd = openSync(path, 'r+');
  try {
    const done: string[] = [];
    for (let i = 0; i <= roll(4); i++) {
      const block = blocks[roll(blocks.length)] ?? 0;
      const b = Buffer.alloc(BLOCK);
      readSync(fd, b, 0, BLOCK, block * BLOCK);
      const kind = roll(4);
      if (kind === 0) b.fill(0);
      else if (kind === 1) for (let k = 0; k < BLOCK; k++) b[k] = roll(256);
      else if (kind === 2) for (let k = 0; k <= roll(16); k++) flip(b, roll(BLOCK * 8));
      else b.fill(0, roll(8) * 512);
      writeSync(fd, b, 0, BLOCK, block * BLOCK);
      done.push(`${['zeros', 'noise', 'flipped bits', 'torn'][kind]} in block ${block}`);
    }
    return done.join(', ');
  } finally {
    closeSync(fd);
  }
}

function flip(b: Buffer, bit: number): void {
  b[bit >> 3] = (b[bit >> 3] ?? 0) ^ (1 << (bit & 7));
}

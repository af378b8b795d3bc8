import { statfsSync } from 'node:fs';
import { Cleanup, EXT4, suite } from '@rexray/rig';
import { afterEach, expect, it } from 'vitest';
import { left, real } from '../src/real.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());
const bytesOf = (path: string): number => {
  const { blocks, bsize } = statfsSync(path);
  return blocks * bsize;
};

suite('growth at the next mount', { root: true, loop: true, programs: EXT4 }, () => {
  it('S17: also of a few MiB, which is what was promised', async () => {
    const { volumes: s, home } = await real(cleanup);
    await s.create('data', { size: '64MiB', fsType: 'ext4' });
    const holder = 'cli';
    const before = bytesOf((await s.mount('data', { holder })).root);
    await s.unmount('data', { holder });
    expect((await s.expand('data', { size: '72MiB' })).fileSystem).toBe('next-mount');
    const after = bytesOf((await s.mount('data', { holder })).root);
    await s.unmount('data', { holder });
    expect(after - before).toBeGreaterThan(4 * 2 ** 20);
    expect(left(home)).toEqual([]);
  });
});

import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { isVolumeError, type SetAside } from '@rexray/core';
import { Cleanup, EXT4, suite } from '@rexray/rig';
import { afterEach, expect, it } from 'vitest';
import { leaks, mountsBelow } from '../src/audit.ts';
import { type Dice, dice } from '../src/damage.ts';
import { openPlace, type Place, stateOf } from '../src/open.ts';
import { takeOff } from './kills.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const RECOVERED = 'recovered';
const FLIPS = 24;
const PAGE = 4096;

function overwrite(file: string, at: number, bytes: Buffer): void {
  const fd = openSync(file, 'r+');
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
}
function flip(file: string, roll: Dice): void {
  const all = readFileSync(file);
  const page = roll(all.length / PAGE) * PAGE;
  for (let i = 0; i < FLIPS; i++) {
    const at = page + roll(PAGE);
    all[at] = (all[at] ?? 0) ^ (1 << roll(8));
  }
  overwrite(file, page, all.subarray(page, page + PAGE));
}

const DAMAGES: Readonly<Record<string, (file: string) => void>> = {
  'torn in the middle': (f) => truncateSync(f, Math.floor(statSync(f).size / PAGE / 3) * PAGE),
  'torn within a page': (f) => truncateSync(f, statSync(f).size - 1000),
  emptied: (f) => truncateSync(f, 0),
  'zeros at its begin': (f) => overwrite(f, 0, Buffer.alloc(2 * PAGE)),
  'zeros all over': (f) => overwrite(f, 0, Buffer.alloc(statSync(f).size)),
  gone: (f) => rmSync(f),
  ...Object.fromEntries(
    [1, 2, 3, 4, 5, 6].map((seed) => [`flipped bits, seed ${seed}`, (f: string) => flip(f, dice(seed))]),
  ),
};

suite('S12: a damaged state of the node', { root: true, loop: true, programs: EXT4 }, () => {
  /** Opens until it is used once; what the first uses answered instead. */
  async function opened(home: string): Promise<{ p: Place; said: readonly unknown[] }> {
    const said: unknown[] = [];
    for (;;) {
      try {
        const p = await openPlace({ home });
        cleanup.add(() => p.rex.close());
        await p.volumes.holders.list();
        return { p, said };
      } catch (e) {
        said.push(e);
        if (said.length > 2) throw e;
      }
    }
  }

  it.each(Object.entries(DAMAGES))('%s: kept and named, and what is mounted is found again', async (_what, damage) => {
    const home = cleanup.tempDir('rexray-torn-');
    cleanup.add(() => takeOff(home));
    const first = await openPlace({ home });
    for (const name of ['v', 'w']) await first.volumes.create(name, { size: '32MiB' });
    const m = await first.volumes.mount('v', { holder: 'engine:1' });
    writeFileSync(join(m.path, 'hello'), 'acknowledged', { flush: true });
    await first.rex.close();
    const file = join(stateOf(home), 'lmdb/data.mdb');
    damage(file);
    const damaged = existsSync(file) ? readFileSync(file) : undefined;

    const { p, said } = await opened(home);
    const { items } = await p.volumes.list();
    expect(items.map((v) => v.name).sort()).toEqual(['v', 'w']);
    const holder = items.find((v) => v.name === 'v')?.holders[0]?.holder;
    if (holder === undefined) throw new Error('nobody holds what is mounted');
    // Still mounted, for the holder that it had, or for one that nobody drops by mistake.
    expect(mountsBelow(home)).toEqual([m.root]);
    expect(readFileSync(join(m.path, 'hello'), 'utf8')).toBe('acknowledged');
    expect(['engine:1', RECOVERED]).toContain(holder);
    if (holder === RECOVERED && damaged !== undefined) {
      // Never silently: an error or a note names where the damaged file was put, as it was.
      const notes = (await p.store.list<SetAside>('set-aside/')).map(([, n]) => n.path);
      const told = said.map((e) => (isVolumeError(e, 'data_loss') ? e.details.setAside : undefined));
      const kept = [...notes, ...told].find((x) => x !== undefined) ?? '';
      expect(readFileSync(join(kept, 'data.mdb')).equals(damaged)).toBe(true);
    }
    await expect(p.volumes.remove('v')).rejects.toMatchObject({ code: 'in_use' });
    await p.volumes.holders.release('v', holder);
    expect(await leaks(p)).toEqual([]);
    const again = await p.volumes.mount('v', { holder: 'cli' });
    expect(readFileSync(join(again.path, 'hello'), 'utf8')).toBe('acknowledged');
    await p.volumes.unmount('v', { holder: 'cli' });
    for (const name of ['v', 'w']) await p.volumes.remove(name);
    expect(await leaks(p)).toEqual([]);
  });
});

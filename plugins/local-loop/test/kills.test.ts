import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MIB } from '@rexray/core';
import { Cleanup } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attachAs, type Kill, killEachStep, type Scene } from './kills.ts';
import { ctx } from './world.ts';

let cleanup: Cleanup;
let dir: string;
beforeEach(() => {
  cleanup = new Cleanup();
  dir = cleanup.tempDir('rexray-kills-');
});
afterEach(() => cleanup.run());

const find = (s: Scene, name: string) => s.driver.find(name, ctx());

/** A copy or a new volume is whole or absent, and its source is what it was. */
const wholeOrAbsent =
  (by: string, copied: boolean): Kill['after'] =>
  async (s, v) => {
    expect(v?.record.labels.by).toBe('scene');
    const made = await find(s, 'new');
    if (made === undefined) return;
    expect([made.record.labels.by, made.record.copied === true]).toEqual([by, copied]);
  };

const kills: readonly Kill[] = [
  { run: 'make', after: wholeOrAbsent('crash', false) },
  { run: 'copy', after: wholeOrAbsent('crash', true) },
  { run: 'restore', after: wholeOrAbsent('crash', true) },
  {
    run: 'remove',
    async after(s, v) {
      // Whole, or gone with everything: verify() has seen that it can be used.
      if (v === undefined) expect(existsSync(join(s.dir, 'v'))).toBe(false);
      expect((await s.driver.snapshots.list({}, ctx())).items).toHaveLength(1);
    },
  },
  {
    run: 'snap',
    async after(s, v) {
      expect(v).toBeDefined();
      for (const x of (await s.driver.snapshots.list({}, ctx())).items) expect(x.volumeId).toBe(s.v.id);
    },
  },
  {
    run: 'unsnap',
    async after(s, v) {
      expect(v).toBeDefined();
      expect((await s.driver.snapshots.list({}, ctx())).items.length).toBeLessThan(2);
    },
  },
  {
    run: 'mark',
    async after(_, v) {
      const marked = v?.record.labels.marked === 'yes';
      expect(v?.record.revision).toBe(marked ? '2' : '1');
      expect(marked || v?.record.labels.by === 'scene').toBe(true);
    },
  },
  {
    run: 'grow',
    async after(_, v) {
      expect([2 * MIB, 4 * MIB]).toContain(v?.sizeBytes);
      expect(v?.record.revision).toBe('1');
    },
  },
  {
    run: 'claim',
    async after(_, v) {
      expect(v).toBeDefined();
    },
  },
  {
    run: 'release',
    async before(s) {
      await s.driver.attach(s.v.id, 'n', attachAs(), ctx());
    },
    async after(_, v) {
      expect(v).toBeDefined();
    },
  },
  {
    run: 'adopt',
    foreign: true,
    async after(s, v) {
      expect(v).toBeDefined();
      // Exactly one name, and never no content.
      const made = await find(s, 'new');
      const theirs = join(s.dir, 'theirs.img');
      expect([made !== undefined, existsSync(theirs)].filter((x) => x)).toHaveLength(1);
      expect(readFileSync(made === undefined ? theirs : String(made.status?.path), 'utf8')).toBe('an image of theirs');
    },
  },
];

describe('S12: SIGKILL before each mutating call, then a sweep', () => {
  it.each(kills)(
    '$run',
    async (kill) => {
      const steps = await killEachStep(dir, kill);
      console.log(`${kill.run}: killed at ${steps} steps`);
      expect(steps).toBeGreaterThan(1);
    },
    180_000,
  );
});

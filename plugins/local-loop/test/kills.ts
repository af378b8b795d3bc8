import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bytes, type DriverVolume, emptyRecord, type InitialRecord, MIB } from '@rexray/core';
import { expect } from 'vitest';
import type { LocalLoopDriver } from '../src/index.ts';
import type { Once, Order } from './child.ts';
import { child } from './children.ts';
import { ctx, node } from './world.ts';

export const BOOT = 'this-boot';
export const attachAs = (bootId = BOOT) => ({ force: false, readonly: false, bootId }) as const;
const MARK = 'content of v';
const THEIRS = 'an image of theirs';

export const spec = (record: Partial<InitialRecord> = {}) => ({
  sizeBytes: bytes(2 * MIB),
  record: { ...emptyRecord({ state: 'blank', fsType: 'ext4' }), ...record },
  params: {},
  asked: [],
});

/** What every kill begins with: volume `v` with content, its snapshot `s`, a bystander, a foreign image. */
export interface Scene {
  readonly dir: string;
  readonly driver: LocalLoopDriver;
  readonly v: DriverVolume;
}

export async function scene(dir: string, o: { readonly foreign: boolean }): Promise<Scene> {
  mkdirSync(dir, { recursive: true });
  const driver = await node(dir, 'n', { bootId: BOOT });
  const v = await driver.create('v', spec({ labels: { by: 'scene' } }), ctx());
  await driver.create('bystander', spec(), ctx());
  await write(String(v.status?.path), MARK);
  await driver.snapshots.create(v.id, 's', { consistency: 'clean' }, ctx());
  if (o.foreign) writeFileSync(join(dir, 'theirs.img'), THEIRS);
  return { dir, driver, v };
}

export async function write(path: string, text: string): Promise<void> {
  const h = await open(path, 'r+');
  await h.write(text, 0);
  await h.sync();
  await h.close();
}
export const read = async (path: string, length: number): Promise<string> =>
  (await readFile(path)).subarray(0, length).toString();

/** Everything that must hold after any kill and a sweep. @returns the volume `v` if it is still there */
export async function verify(s: Scene): Promise<DriverVolume | undefined> {
  const { driver, dir } = s;
  const page = await driver.list({}, ctx());
  expect(page.partial).toBeUndefined();
  for (const hidden of ['.tmp', '.trash']) expect(readdirSync(join(dir, hidden))).toEqual([]);
  expect(readdirSync(join(dir, '.snapshots')).filter((n) => n.startsWith('.'))).toEqual([]);
  for (const v of page.items.filter((x) => x.foreign !== true)) await usable(driver, v);
  for (const snap of (await driver.snapshots.list({}, ctx())).items) {
    expect(await read(join(dir, '.snapshots', snap.name, 'image'), MARK.length)).toBe(MARK);
  }
  expect(page.items.some((v) => v.name === 'bystander')).toBe(true);
  const v = page.items.find((x) => x.name === 'v');
  if (v !== undefined) expect(await read(String(v.status?.path), MARK.length)).toBe(MARK);
  return v;
}

/** Claimed, let go, one image and one record: nothing is left that stands in the way. */
async function usable(driver: LocalLoopDriver, v: DriverVolume): Promise<void> {
  // The second claim takes away what a killed one left beneath its own.
  for (let i = 0; i < 2; i++) {
    expect((await driver.attach(v.id, 'n', attachAs(), ctx())).kind).toBe('file');
    await driver.detach(v.id, 'n', { force: false }, ctx());
  }
  const path = String(v.status?.path);
  expect(statSync(path).size).toBeGreaterThanOrEqual(v.sizeBytes);
  const kinds = readdirSync(join(path, '..')).map((e) => e.split('.')[0]);
  expect(kinds.sort()).toEqual(['free', 'id', 'image', 'record']);
}

export interface Kill {
  readonly run: Once;
  /** Before the child, on the scene. */
  readonly before?: (s: Scene) => Promise<void>;
  /** After kill and sweep; `v` is the volume if it is there. */
  readonly after: (s: Scene, v: DriverVolume | undefined) => Promise<void>;
  readonly node?: string;
  readonly foreign?: boolean;
  /** Before the sweep. */
  readonly killed?: (s: Scene) => Promise<void>;
}

/** Kills the verb before each of its mutating calls, then lets it end. @returns how many steps it has */
export async function killEachStep(root: string, k: Kill): Promise<number> {
  for (let killAt = 0; ; killAt++) {
    const s = await scene(join(root, `${k.run}-${killAt}`), { foreign: k.foreign === true });
    await k.before?.(s);
    const order: Order = { dir: s.dir, node: k.node ?? 'n', boot: BOOT, run: k.run, killAt };
    const { signal } = await child(order);
    await k.killed?.(s);
    for (const name of new Set(['n', k.node ?? 'n'])) await s.driver.sweep(name, BOOT, ctx());
    await k.after(s, await verify(s));
    expect(killAt).toBeLessThan(60);
    if (signal === null) return killAt;
  }
}

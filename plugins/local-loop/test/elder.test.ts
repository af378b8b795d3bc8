/** A process that was open before another one died: nobody has swept, and the next call must not need it. */
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { DriverVolume } from '@rexray/core';
import { Cleanup } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { processToken } from '../src/process.ts';
import { attachAs, BOOT, type Kill, killEachStep, type Scene, scene, spec } from './kills.ts';
import { ctx } from './world.ts';

const CONTENT = 'an image of theirs';

let cleanup: Cleanup;
let dir: string;
beforeEach(() => {
  cleanup = new Cleanup();
  dir = cleanup.tempDir('rexray-elder-');
});
afterEach(() => cleanup.run());

const find = (s: Scene, name: string) => s.driver.find(name, ctx());

async function theirs(s: Scene): Promise<DriverVolume> {
  const v = (await s.driver.list({}, ctx())).items.find((x) => x.foreign === true);
  if (v === undefined) throw new Error('nothing foreign');
  return v;
}

/** The image is whole and has one name. */
function one(s: Scene, v: DriverVolume | undefined): void {
  const path = String(v?.status?.path);
  expect([readFileSync(path, 'utf8'), statSync(path).nlink]).toEqual([CONTENT, 1]);
  expect(existsSync(join(s.dir, 'theirs.img'))).toBe(false);
}

const refused = async (p: Promise<unknown>, by: string): Promise<void> => {
  expect(
    await p.then(
      () => 'done',
      (e: { code?: string }) => e.code,
    ),
  ).toBe(by);
};

/** Each is a kill of `adopt` at every step; `killed` is what the elder does then. */
const elders: readonly (Pick<Kill, 'before' | 'killed' | 'after'> & { readonly what: string })[] = (() => {
  let id = '';
  const noted = async (s: Scene): Promise<void> => {
    id = (await theirs(s)).id;
  };
  const adopts = async (s: Scene): Promise<void> => {
    const v = await s.driver.adopt(id, 'new', spec().record, ctx());
    one(s, v);
    expect((await s.driver.adopt(id, 'new', spec().record, ctx())).id).toBe(v.id);
  };
  const adopted = async (s: Scene): Promise<void> => {
    one(s, await find(s, 'new'));
    expect((await s.driver.list({}, ctx())).items.some((v) => v.foreign === true)).toBe(false);
  };
  return [
    { what: 'adopts it again', before: noted, killed: adopts, after: adopted },
    {
      what: 'adopts it again, a directory that has the very name',
      async before(s) {
        mkdirSync(join(s.dir, 'new'));
        renameSync(join(s.dir, 'theirs.img'), join(s.dir, 'new', 'image'));
        await noted(s);
      },
      killed: adopts,
      after: adopted,
    },
    {
      what: 'attaches what was made',
      async killed(s) {
        const made = await find(s, 'new');
        if (made === undefined) return;
        await s.driver.attach(made.id, 'n', attachAs(BOOT), ctx());
        one(s, made);
      },
      async after(s) {
        const made = await find(s, 'new');
        expect(made !== undefined).not.toBe(existsSync(join(s.dir, 'theirs.img')));
        if (made !== undefined) one(s, made);
      },
    },
    {
      what: 'removes what was made',
      async killed(s) {
        const made = await find(s, 'new');
        if (made === undefined) return;
        await s.driver.remove(made.id, ctx());
        expect((await s.driver.list({}, ctx())).items.some((v) => v.foreign === true)).toBe(false);
      },
      async after() {},
    },
    {
      what: 'attaches what was made, once another node got the image',
      async killed(s) {
        const made = await find(s, 'new');
        const [old, got] = [join(s.dir, 'theirs.img'), join(s.dir, 'got', 'image')];
        if (made === undefined || !existsSync(old)) return;
        mkdirSync(join(s.dir, 'got'));
        renameSync(old, got);
        await refused(s.driver.attach(made.id, 'n', attachAs(BOOT), ctx()), 'denied');
        await s.driver.remove(made.id, ctx());
        expect([readFileSync(got, 'utf8'), statSync(got).nlink]).toEqual([CONTENT, 1]);
      },
      async after() {},
    },
  ];
})();

describe('S12, S13: an adoption that was killed at any step, met by an elder process', () => {
  it.each(elders)(
    'that $what',
    async (kill) => {
      const steps = await killEachStep(dir, { ...kill, run: 'adopt', foreign: true });
      expect(steps).toBeGreaterThan(8);
    },
    180_000,
  );
});

it('S12: an image that somebody who lives is adopting is left alone: busy', async () => {
  const s = await scene(dir, { foreign: true });
  const { id } = await theirs(s);
  const half = join(dir, '.tmp', `${processToken('other', 'boot')}-half`);
  mkdirSync(half);
  linkSync(join(dir, 'theirs.img'), join(half, 'image'));
  await refused(s.driver.adopt(id, 'new', spec().record, ctx()), 'busy');
  expect([existsSync(join(half, 'image')), await find(s, 'new')]).toEqual([true, undefined]);
});

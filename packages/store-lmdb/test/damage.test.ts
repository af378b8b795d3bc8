import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { isVolumeError, type SetAside } from '@rexray/core';
import { Cleanup } from '@rexray/rig';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inspect } from '../src/inspect.ts';
import { BadPage, type RawEntry, readPages } from '../src/pages.ts';
import { openLmdb, setUp } from '../src/setup.ts';
import { decode } from '../src/value.ts';
import { openStore } from './open.ts';

const cleanup = new Cleanup();
afterAll(() => cleanup.run());
const FLIPS = 800;
const OPENED = 60;

/** A repeatable sequence: a failure names its number. */
function sequence(seed: number): (below: number) => number {
  let x = seed;
  return (below) => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return Math.floor((x / 2 ** 32) * below);
  };
}

type Entries = readonly (readonly [string, unknown])[];
const at = (dir: string): string => join(dir, 'lmdb', 'data.mdb');

async function sample(dir: string): Promise<Entries> {
  const store = openStore(dir);
  for (let i = 0; i < 400; i++)
    await store.commit([{ put: `volume/${i}`, value: { i, text: 'x'.repeat(i % 300) } }], { durable: false });
  await store.commit([{ put: 'long', value: 'y'.repeat(20_000) }, { del: 'volume/7' }]);
  const entries = await store.list('');
  await store.close();
  return entries;
}

describe('a damaged state', () => {
  let good: string;
  let entries: Entries;
  let bytes: Buffer;
  beforeAll(async () => {
    good = join(cleanup.tempDir(), 'state');
    entries = await sample(good);
    bytes = readFileSync(at(good));
  });

  const copy = (): string => {
    const dir = join(cleanup.tempDir(), 'state');
    cpSync(good, dir, { recursive: true });
    return dir;
  };

  /** Opens it: either everything is there, or it is refused, kept, and named. */
  async function outcome(dir: string): Promise<'whole' | 'set aside'> {
    const damaged = existsSync(at(dir)) ? readFileSync(at(dir)) : undefined;
    const store = openStore(dir);
    cleanup.add(() => store.close());
    try {
      expect(await store.list('')).toEqual(entries);
      return 'whole';
    } catch (e) {
      if (!isVolumeError(e, 'data_loss')) throw e;
      const kept = e.details.setAside ?? '';
      expect(e.text).toContain(kept);
      if (damaged) expect(readFileSync(join(kept, 'data.mdb')).equals(damaged)).toBe(true);
      const notes = await store.list<SetAside>('');
      expect(notes).toHaveLength(1);
      expect(notes[0]?.[0]).toMatch(/^set-aside\//);
      expect(notes[0]?.[1]).toMatchObject({ path: kept, found: e.details.found });
      return 'set aside';
    } finally {
      await store.close();
    }
  }

  it('is a sound sample: several levels, long values, a free list', () => {
    const { meta, lost, entries: raw } = readPages(bytes);
    expect(meta.main).toMatchObject({ depth: 2, overflows: 5 });
    expect(meta.free.entries).toBeGreaterThan(0);
    expect(lost).toBe(0);
    expect(raw).toHaveLength(entries.length + 2);
  });

  it(`is seen for each of ${FLIPS} flipped bits that changes what is read`, () => {
    const next = sequence(1);
    const written = new Map(readPages(bytes).entries.map((e) => [e.key.toString(), e.value]));
    const seen = { page: 0, checksum: 0, unused: 0 };
    for (let i = 0; i < FLIPS; i++) {
      const flipped = Buffer.from(bytes);
      const offset = next(bytes.length);
      flipped.writeUInt8(flipped.readUInt8(offset) ^ (1 << next(8)), offset);
      const raw = entriesIn(flipped, `flip ${i} at ${offset}`);
      if (raw === undefined) seen.page++;
      else if (raw.some((e) => decode(e.key.toString(), e.value) === undefined)) seen.checksum++;
      else {
        expect(raw).toHaveLength(written.size);
        for (const e of raw)
          expect(written.get(e.key.toString())?.equals(e.value), `flip ${i} at ${offset}`).toBe(true);
        seen.unused++;
      }
    }
    for (const n of Object.values(seen)) expect(n).toBeGreaterThan(FLIPS / 50);
  });

  it(`S12: with a flipped bit it is whole or set aside, never empty or wrong (${OPENED} opened)`, async () => {
    const next = sequence(2);
    const seen = { whole: 0, 'set aside': 0 };
    for (let i = 0; i < OPENED; i++) {
      const dir = copy();
      const flipped = Buffer.from(bytes);
      // Every third in the first pages, where the meta pages and roots are.
      const offset = i % 3 === 0 ? next(3 * 4096) : next(bytes.length);
      flipped.writeUInt8(flipped.readUInt8(offset) ^ (1 << next(8)), offset);
      writeFileSync(at(dir), flipped);
      seen[await outcome(dir)]++;
      rmSync(dir, { recursive: true });
    }
    expect(seen.whole).toBeGreaterThan(0);
    expect(seen['set aside']).toBeGreaterThan(0);
  }, 60_000);

  it.each<[string, (file: string) => void]>([
    ['empty', (f) => truncateSync(f, 0)],
    ['cut inside the meta pages', (f) => truncateSync(f, 5000)],
    ['cut in the middle', (f) => truncateSync(f, Math.floor(bytes.length / 8192) * 4096)],
    ['missing', (f) => rmSync(f)],
    ['zeros', (f) => writeFileSync(f, Buffer.alloc(bytes.length))],
    ['text', (f) => writeFileSync(f, 'not a database\n'.repeat(1000))],
    ['without its first page', (f) => writeFileSync(f, Buffer.concat([Buffer.alloc(4096), bytes.subarray(4096)]))],
    [
      'back at the snapshot before',
      (f) => {
        const older = Buffer.from(bytes);
        older.copy(
          older,
          readPages(bytes).meta.page * 4096 + 24,
          (1 - readPages(bytes).meta.page) * 4096 + 24,
          (1 - readPages(bytes).meta.page) * 4096 + 168,
        );
        writeFileSync(f, older);
      },
    ],
  ])('%s: is set aside, kept and named, once', async (_what, damage) => {
    const dir = copy();
    damage(at(dir));
    expect(await outcome(dir)).toBe('set aside');
    const warned: object[] = [];
    const again = openStore(dir, { debug() {}, info() {}, error() {}, warn: (fields) => void warned.push(fields) });
    cleanup.add(() => again.close());
    expect(await again.commit([{ put: 'a', value: 1 }])).toBe(true);
    expect(warned).toHaveLength(1);
    expect(readdirSync(dir).filter((n) => n.startsWith('set-aside-'))).toHaveLength(1);
  });

  it('tells it although the process that set it aside was killed before it could', async () => {
    const dir = join(cleanup.tempDir(), 'state');
    mkdirSync(join(dir, 'set-aside-earlier'), { recursive: true });
    const store = openStore(dir);
    cleanup.add(() => store.close());
    await expect(store.get('a')).rejects.toSatisfy((e: unknown) => isVolumeError(e, 'data_loss'));
    expect(await store.list('set-aside/')).toHaveLength(1);
  });

  it('leaves somebody else’s database alone', async () => {
    const dir = join(cleanup.tempDir(), 'state');
    mkdirSync(join(dir, 'lmdb'), { recursive: true });
    const db = openLmdb(join(dir, 'lmdb'));
    db.transactionSync(() => {
      db.put('theirs', Buffer.from('something'));
    });
    await db.close();
    const before = readFileSync(at(dir));
    const store = openStore(dir);
    await expect(store.get('a')).rejects.toSatisfy((e: unknown) => isVolumeError(e, 'invalid'));
    expect(readFileSync(at(dir)).equals(before)).toBe(true);
  });

  it('a process that has it open moves on to the new state, and acknowledges nothing into the old', async () => {
    const dir = copy();
    const old = openStore(dir);
    cleanup.add(() => old.close());
    expect(await old.list('')).toEqual(entries);
    const fresh = join(cleanup.tempDir(), 'fresh');
    await setUp(mkdir(fresh));
    renameSync(join(dir, 'lmdb'), join(dir, 'set-aside-by-another'));
    renameSync(join(fresh, 'lmdb'), join(dir, 'lmdb'));
    expect(await old.commit([{ put: 'a', value: 1 }], { expect: { 'volume/1': undefined } })).toBe(true);
    expect(await old.list('')).toEqual([['a', 1]]);
    expect(await inspect(at(dir))).toEqual({ is: 'sound', entries: 1 });
  });
});

/** Undefined when the pages do not hold together; any other failure than BadPage is the reader's bug. */
function entriesIn(file: Buffer, what: string): readonly RawEntry[] | undefined {
  try {
    return readPages(file).entries;
  } catch (e) {
    if (!(e instanceof BadPage)) throw new Error(what, { cause: e });
    return undefined;
  }
}

const mkdir = (dir: string): string => {
  mkdirSync(dir, { recursive: true });
  return dir;
};

describe('a long life', () => {
  it('neither file nor memory grow over 50,000 commits', async () => {
    const dir = join(cleanup.tempDir(), 'state');
    const store = openStore(dir);
    cleanup.add(() => store.close());
    const commit = async (n: number): Promise<void> => {
      for (let i = 0; i < n; i += 25) {
        await Promise.all(
          Array.from({ length: 25 }, (_, j) => {
            const put = `volume/${(i + j) % 100}`;
            return store.commit(
              (i + j) % 7 === 0 ? [{ del: put }] : [{ put, value: { i, text: 'z'.repeat((i + j) % 500) } }],
              { durable: false },
            );
          }),
        );
      }
    };
    await commit(5_000);
    const size = statSync(at(dir)).size;
    const memory = process.memoryUsage().rss;
    await commit(45_000);
    expect(statSync(at(dir)).size).toBeLessThanOrEqual(size * 1.5);
    expect(process.memoryUsage().rss - memory).toBeLessThan(64 * 2 ** 20);
    expect(await inspect(at(dir))).toMatchObject({ is: 'sound' });
  }, 60_000);
});

/** Makes a new state, and sets a damaged one aside. Both under the setup lock: never two at once, never over a live one. */
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SET_ASIDE, type SetAside, VolumeError } from '@rexray/core';
import { open, type RootDatabase } from 'lmdb';
import { inspect } from './inspect.ts';
import { syncDirectory } from './place.ts';
import { crcOf, EMPTY, encode, include, LAYOUT, LAYOUT_KEY, SUM_KEY, storedKey } from './value.ts';

export type Database = RootDatabase<Buffer, string>;

/** Below the state directory: lmdb's own directory, and what damaged ones are renamed to. */
export const LMDB = 'lmdb';
const ASIDE = 'set-aside-';
const NEW = 'new-';

/** Commit flags of lmdb: data and meta page flushed; the meta page left to the next flush (a power cut may undo it, not damage it). */
export const DURABLE: number = 2;
export const SOON: number = 0x40002;

/**
 * Without `overlappingSync` a commit is on disk before it is visible, and lmdb's two meta pages are all there is to trust.
 * The map is address space, not memory; files grow with what is in them.
 */
export const openLmdb = (path: string): Database =>
  open<Buffer, string>({ path, encoding: 'binary', overlappingSync: false, mapSize: 2 ** 28, maxReaders: 512 });

/** Makes the state in one rename, with a note for each one that was set aside before; what killed makers left is removed. */
export async function createState(dir: string, damage?: SetAside): Promise<void> {
  for (const name of readdirSync(dir))
    if (name.startsWith(NEW)) rmSync(join(dir, name), { recursive: true, force: true });
  const made = mkdtempSync(join(dir, NEW));
  const db = openLmdb(made);
  try {
    const entries = notes(dir, damage).map((n) => [storedKey(SET_ASIDE + n.name), JSON.stringify(n.note)] as const);
    const puts = entries.map(([stored, text]) => [stored, encode(stored, text)] as const);
    const sum = puts.reduce((s, [, bytes]) => include(s, crcOf(bytes)), EMPTY);
    db.transactionSync(() => {
      for (const [stored, bytes] of puts) db.put(stored, bytes);
      db.put(LAYOUT_KEY, encode(LAYOUT_KEY, String(LAYOUT)));
      db.put(SUM_KEY, encode(SUM_KEY, JSON.stringify(sum)));
    }, DURABLE);
  } finally {
    await db.close();
  }
  rmSync(join(made, 'lock.mdb'), { force: true });
  syncDirectory(made);
  renameSync(made, join(dir, LMDB));
  syncDirectory(dir);
}

/** One for each set-aside state: a maker that was killed after the rename left it to us to tell. */
function notes(dir: string, damage: SetAside | undefined): { name: string; note: SetAside }[] {
  return readdirSync(dir)
    .filter((name) => name.startsWith(ASIDE))
    .map((name) => {
      const path = join(dir, name);
      const note = damage?.path === path ? damage : { path, found: 'not recorded', at: new Date().toISOString() };
      return { name: name.slice(ASIDE.length), note };
    });
}

/** The error of a state that was set aside. */
export const lost = (dir: string, note: SetAside): VolumeError<'data_loss'> =>
  new VolumeError(
    'data_loss',
    `The node state in ${dir} does not verify (${note.found}); it was kept as ${note.path}.`,
    {
      details: { found: note.found, setAside: note.path },
      hint: 'A new, empty state was begun: holders and intents of this node are unknown. Check what is mounted before you remove or detach anything.',
    },
  );

/**
 * Brings the directory to a state that verifies: makes one where there is none, sets a damaged one aside.
 * Call it alone. @throws VolumeError `data_loss` after setting aside, naming where to; `unsupported` for another layout
 */
export async function setUp(dir: string): Promise<void> {
  const home = join(dir, LMDB);
  const data = join(home, 'data.mdb');
  const finding = await inspect(data);
  if (finding.is === 'sound') return;
  if (finding.is === 'unknown') throw unknownLayout(home, finding.layout);
  if (finding.is === 'absent' && !existsSync(home)) {
    const interrupted = readdirSync(dir).some((name) => name.startsWith(ASIDE));
    await createState(dir);
    if (interrupted) throw lost(dir, { path: dir, found: 'setting it aside was interrupted', at: '' });
    return;
  }
  const found = finding.is === 'damaged' ? finding.found : 'data.mdb is missing';
  const at = new Date().toISOString();
  const path = join(dir, `${ASIDE}${at.replace(/[:.]/g, '-')}`);
  renameSync(home, path);
  syncDirectory(dir);
  const note: SetAside = { path, found, at };
  await createState(dir, note);
  throw lost(dir, note);
}

const unknownLayout = (home: string, layout: unknown): VolumeError =>
  layout === undefined
    ? new VolumeError('invalid', `${home} holds a database that is not a state of this program; it was not touched.`, {
        details: { path: 'dir', value: home, expected: 'an empty directory, or a state' },
        hint: 'Name another state directory, or move the files away.',
      })
    : new VolumeError(
        'unsupported',
        `The node state in ${home} has layout ${JSON.stringify(layout)}; this version reads ${LAYOUT}.`,
        {
          details: { option: 'layout', missing: `layout ${JSON.stringify(layout)}` },
          hint: 'A newer version wrote it: upgrade this program.',
        },
      );

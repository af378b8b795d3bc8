/**
 * First mounts of copies, in a mount namespace of its own: what changes the UUID of the file system (S25) dies at chosen
 * writes, then the copy is mounted by calls that nobody disturbs.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isVolumeError } from '@rexray/core';
import { leaks, loopsBelow, mountsBelow } from './audit.ts';
import { content } from './damage.ts';
import { DoomedPrograms } from './doomed-programs.ts';
import { imagesOf, openPlace } from './open.ts';
import { SIZE } from './scenarios.ts';

/** Which program changes a UUID; xfs is changed without one (its writes are cut in the host's own suite). */
const CHANGED_BY = { ext4: 'tune2fs', btrfs: 'btrfstune' } as const;
type Changed = keyof typeof CHANGED_BY;
const SOUND: Record<Changed, readonly [string, ...string[]]> = {
  ext4: ['e2fsck', '-f', '-n'],
  btrfs: ['btrfs', 'check', '--readonly'],
};

const { home } = JSON.parse(process.argv[2] ?? '{}') as { readonly home: string };
const FILES = 160;
const cli = { holder: 'cli' } as const;
const doomed = new DoomedPrograms(home, Object.values(CHANGED_BY));
const place = await openPlace({ home });
const s = place.volumes;

const wanted = (i: number): Buffer => content(`file-${i}`, 1 + (i % 5));

/** One first mount after the other whose programs die by its plan, until one succeeds all the same. @returns how many died */
async function strike(copy: string, plans: readonly (readonly number[])[]): Promise<number> {
  let died = 0;
  for (const plan of plans) {
    doomed.plan(...plan);
    try {
      await s.mount(copy, cli);
      break;
    } catch (e) {
      if (!isVolumeError(e, 'unavailable') || !e.message.includes('killed')) throw e;
      died += 1;
    }
  }
  doomed.plan();
  return died;
}

/** The copy mounts, beside its original, with all that was in it; and is sound. */
async function proven(fsType: Changed, copy: string): Promise<void> {
  const { path } = await s.mount(copy, cli);
  for (let i = 0; i < FILES; i++) {
    if (!readFileSync(join(path, `file-${i}`)).equals(wanted(i))) throw new Error(`file-${i} is another`);
    if (readFileSync(join(path, `small-${i}`), 'utf8') !== `${i}`) throw new Error(`small-${i} is another`);
  }
  const { fsUuid } = await s.get(copy);
  if (fsUuid === undefined || fsUuid === (await s.get(fsType)).fsUuid) throw new Error(`its UUID is ${fsUuid}`);
  await s.unmount(copy, { ...cli, all: true });
  const [program, ...args] = SOUND[fsType];
  execFileSync(program, [...args, join(imagesOf(home), copy, 'image')], { stdio: 'pipe' });
}

const VERBS = {
  async make(fsType: Changed): Promise<void> {
    await s.create(fsType, { size: SIZE[fsType], fsType });
    const { path } = await s.mount(fsType, cli);
    for (let i = 0; i < FILES; i++) writeFileSync(join(path, `file-${i}`), wanted(i));
    for (let i = 0; i < FILES; i++) writeFileSync(join(path, `small-${i}`), `${i}`, { flush: i === FILES - 1 });
  },
  /** @returns how many writes the change makes when nobody disturbs it */
  async writes(fsType: Changed): Promise<number> {
    const copy = `${fsType}-counted`;
    await s.clone(fsType, copy);
    doomed.plan(DoomedPrograms.MOST);
    await s.mount(copy, cli);
    await s.unmount(copy, cli);
    await s.remove(copy);
    return doomed.writes;
  },
  /** @returns how many programs died */
  async fall(fsType: Changed, plans: readonly (readonly number[])[]): Promise<number> {
    const copy = `${fsType}-copy`;
    await s.clone(fsType, copy);
    const died = await strike(copy, plans);
    await proven(fsType, copy);
    await s.remove(copy);
    return died;
  },
  /** @returns what is left when the original is unmounted, too */
  async settle(fsType: Changed): Promise<readonly string[]> {
    await s.unmount(fsType, cli);
    const left = [...(await leaks(place)), ...mountsBelow(home), ...loopsBelow(home)];
    await s.remove(fsType);
    return left;
  },
  close: (): Promise<void> => place.rex.close(),
} satisfies Record<string, (fsType: Changed, plans: readonly (readonly number[])[]) => Promise<unknown>>;

for await (const line of createInterface({ input: process.stdin })) {
  const { id, verb, args } = JSON.parse(line) as {
    id: number;
    verb: keyof typeof VERBS;
    args: [Changed, readonly (readonly number[])[]];
  };
  try {
    const result = (await VERBS[verb](...args)) ?? null;
    process.stdout.write(`${JSON.stringify({ id, result })}\n`);
  } catch (e) {
    const error = { code: isVolumeError(e) ? e.code : 'internal', message: String((e as Error).stack) };
    process.stdout.write(`${JSON.stringify({ id, error })}\n`);
  }
}

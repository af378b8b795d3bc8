/** What the kill matrix kills: verbs on a place that holds a used volume, a blank one, a bystander, a snapshot and a foreign image. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FsType, Integration, Volume } from '@rexray/core';

export const SIZE: Record<FsType, `${number}MiB`> = { ext4: '32MiB', xfs: '304MiB', btrfs: '128MiB' };

/** Names in the template. `v` was formatted and holds {@link CONTENT}; `blank` never was. */
export const CONTENT = 'what was acknowledged before the kill';

export interface Scenario {
  readonly name: string;
  /** Not counted, not killed. */
  readonly before?: (s: Integration) => Promise<unknown>;
  readonly run: (s: Integration) => Promise<unknown>;
  /** After kill and reconcile; default the same again: every verb is idempotent. */
  readonly again?: (s: Integration) => Promise<unknown>;
  /** The verb may take `v` away; nothing else may. */
  readonly removes?: string;
  /** The verb may empty `v`, because a person said so. */
  readonly wipes?: boolean;
  /** Least number of points in the host's worker process; absent = the matrix of the worker leaves it out. */
  readonly inWorker?: number;
  /** What it works on is frozen for a while: a child thaws it, unless that dies too. */
  readonly freezes?: true;
  /** `before` writes into a volume, so it goes where its mount is: the matrix of the programs leaves it out. */
  readonly writes?: true;
  /** Least number of points: a drop means that the tracer no longer sees something. */
  readonly least: number;
}

const cli = { holder: 'cli' } as const;
const mounted = (s: Integration): Promise<unknown> => s.mount('v', cli);
const foreign = async (s: Integration): Promise<Volume | undefined> =>
  (await s.list()).items.find((v) => v.state === 'foreign');

async function wipe(s: Integration): Promise<void> {
  const v = await s.get('v');
  await s.format('v', { wipe: v.fsUuid ?? '' });
}
async function adopt(s: Integration): Promise<void> {
  const f = await foreign(s);
  if (f !== undefined) await s.adopt(f.id, 'adopted');
  else await s.get('adopted');
}

/** A copy of a volume of another file system than `v`'s, which the audit looks for. */
const copied = (fsType: FsType) => async (s: Integration) => {
  await s.create('source', { size: SIZE[fsType], fsType });
  const { path } = await s.mount('source', cli);
  writeFileSync(join(path, 'hello'), CONTENT, { flush: true });
  await s.unmount('source', cli);
  await s.clone('source', 'copy');
};

/** After a wipe that was interrupted, the first mount makes it again; then it is as any volume. */
async function useAgain(s: Integration): Promise<void> {
  await s.mount('v', cli);
  await s.unmount('v', { ...cli, all: true });
}

export const SCENARIOS: readonly Scenario[] = [
  { name: 'create', run: (s) => s.create('x', { size: SIZE.ext4 }), least: 14 },
  { name: 'first mount (format)', inWorker: 19, run: (s) => s.mount('blank', cli), least: 40 },
  { name: 'mount', run: mounted, inWorker: 9, least: 17 },
  { name: 'mount once more', before: mounted, run: (s) => s.mount('v', { holder: 'engine:1' }), least: 4 },
  { name: 'unmount', inWorker: 5, before: mounted, run: (s) => s.unmount('v', cli), least: 12 },
  { name: 'release a holder', before: mounted, run: (s) => s.holders.release('v', 'cli'), least: 12 },
  { name: 'attach', run: (s) => s.attach('v'), least: 10 },
  { name: 'detach', before: (s) => s.attach('v'), run: (s) => s.detach('v'), least: 8 },
  { name: 'expand', run: (s) => s.expand('v', { size: '48MiB' }), least: 12 },
  { name: 'expand while mounted', before: mounted, run: (s) => s.expand('v', { size: '48MiB' }), least: 13 },
  {
    name: 'mount that grows',
    inWorker: 17,
    before: (s) => s.expand('v', { size: '64MiB' }),
    run: mounted,
    least: 25,
  },
  { name: 'clone', run: (s) => s.clone('v', 'copy'), least: 29 },
  { name: 'clone while mounted', freezes: true, before: mounted, run: (s) => s.clone('v', 'copy'), least: 26 },
  {
    name: 'first mount of a clone (new uuid)',
    before: (s) => s.clone('v', 'copy'),
    run: (s) => s.mount('copy', cli),
    least: 26,
  },
  ...(['xfs', 'btrfs'] as const).map((fsType) => ({
    name: `first mount of a clone of ${fsType} (new uuid)`,
    before: copied(fsType),
    writes: true as const,
    run: (s: Integration) => s.mount('copy', cli),
    least: 25,
  })),
  { name: 'snapshot', run: (s) => s.snapshots.create('v', 'new'), least: 27 },
  {
    name: 'snapshot while mounted',
    freezes: true,
    inWorker: 4,
    before: mounted,
    run: (s) => s.snapshots.create('v', 'new'),
    least: 24,
  },
  { name: 'remove a snapshot', run: (s) => s.snapshots.remove('s'), least: 4 },
  { name: 'restore', run: (s) => s.snapshots.restore('s', 'restored'), least: 19 },
  { name: 'remove', run: (s) => s.remove('v'), removes: 'v', least: 20 },
  { name: 'format --wipe', inWorker: 10, run: wipe, again: useAgain, wipes: true, least: 34 },
  { name: 'adopt', run: adopt, least: 37 },
];

/** @throws when the volume does not hold what was acknowledged */
export async function holds(s: Integration, name: string, file: string, text: string): Promise<void> {
  const m = await s.mount(name, { holder: 'sdk:audit' });
  try {
    const found = readFileSync(join(m.path, file), 'utf8');
    if (found !== text) throw new Error(`${name}/${file} holds ${JSON.stringify(found.slice(0, 80))}`);
  } finally {
    await s.unmount(name, { holder: 'sdk:audit' });
  }
}

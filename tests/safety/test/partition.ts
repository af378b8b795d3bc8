import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cleanup, type Share, share } from '@rexray/rig';
import { expect } from 'vitest';
import { dice } from '../src/damage.ts';
import {
  acknowledgedIn,
  answer,
  assertKept,
  assertOneWriter,
  directory,
  finish,
  type Hunt,
  type Hunter,
  hunt,
  journal,
  ownerIn,
  troubles,
} from './hunt.ts';

/** Bytes a second that the slow one of the two paths lets through. */
const SLOW = ['--write-rate=3M'];
/** A cut ends by itself after so many ms: the kernel lets nobody give up who waits for a share. */
const CUT_MS = 1_500;

interface Partition {
  readonly hunt: Hunt;
  readonly shares: readonly [Share, Share];
}

/** Two nodes that reach one directory by a path of their own, as two machines reach a server; the first one's is slow. */
async function apart(cleanup: Cleanup): Promise<Partition> {
  const below = directory(cleanup, 'ext4');
  const shares = [await share(cleanup, below, SLOW), await share(cleanup, below)] as const;
  return { hunt: hunt(cleanup, below, [shares[0].path, shares[1].path]), shares };
}

const REFUSED = ['in_use', 'denied', 'busy', 'timeout', 'unavailable'];

/** One thing that goes wrong between the node that has the volume, or had it last, and the other one. */
async function trouble(p: Partition, what: number, from: number, wait: number): Promise<void> {
  const [owner, other] = [p.hunt.nodes[from], p.hunt.nodes[1 - from]] as [Hunter, Hunter];
  const [mine, theirs] = [p.shares[from], p.shares[1 - from]] as [Share, Share];
  switch (what) {
    case 0: // The owner is cut off. It may be dead for all the other can tell; without a fence that is no proof.
      mine.cut(CUT_MS);
      expect(REFUSED).toContain(await answer(other.process.call('mount', true)));
      break;
    case 1: // Nobody reaches anything, and both want it.
      mine.cut(CUT_MS);
      theirs.cut(CUT_MS);
      await Promise.all([owner, other].map((n) => answer(n.process.call('mount', true))));
      break;
    case 2: {
      // Cut off in the middle of letting go, while the other one waits for it.
      const leaving = answer(owner.process.call('unmount'));
      await sleep(wait);
      mine.cut(CUT_MS);
      await answer(other.process.call('mount', false));
      await leaving;
      await answer(other.process.call('mount', false));
      break;
    }
    case 3: {
      // Handed over, and cut off in the middle of mounting.
      await answer(owner.process.call('unmount'));
      const coming = answer(other.process.call('mount', false));
      await sleep(wait);
      theirs.cut(CUT_MS);
      await Promise.all([coming, answer(owner.process.call('mount', true))]);
      break;
    }
    case 4: // The owner dies while it is cut off, and comes back when it is not; both want it.
      mine.cut(CUT_MS);
      await owner.process.kill();
      p.hunt.start(owner);
      await Promise.all([owner, other].map((n) => answer(n.process.call('mount', true))));
      break;
    default:
      await answer(owner.process.call('unmount'));
      await answer(other.process.call('mount', false));
  }
  for (const s of p.shares) s.heal();
}

/** Nodes that are cut off from the directory, one of them on a slow path: one owner after the other, and none that is taken from. */
export async function partitions(cleanup: Cleanup, rounds: number, seed: number): Promise<void> {
  const p = await apart(cleanup);
  const roll = dice(seed);
  const kinds = troubles(6, roll);
  const { nodes } = p.hunt;
  await nodes[0].process.call('create', { size: '64MiB' });
  await nodes[0].process.call('mount', false);
  const must: Record<string, number> = {};
  for (let i = 0; i < rounds; i++) {
    await sleep(30 + roll(60));
    Object.assign(must, await acknowledgedIn(p.hunt));
    await trouble(p, kinds.next().value, Math.max(0, ownerIn(p.hunt)), roll(120));
  }
  assertKept(`partitions: ${rounds} rounds`, await finish(p.hunt), must);
}

/** A node is cut off for good, and a person says so: the other one has all that was acknowledged, and goes on. */
export async function cutOffForGood(cleanup: Cleanup): Promise<void> {
  const p = await apart(cleanup);
  const [a, b] = p.hunt.nodes;
  await a.process.call('create', { size: '64MiB' });
  await a.process.call('mount', false);
  await expect.poll(() => acknowledgedIn(p.hunt), { timeout: 20_000 }).toHaveProperty('1', expect.any(Number));
  const must = await acknowledgedIn(p.hunt);
  await p.shares[0].end();
  expect(REFUSED).toContain(await answer(b.process.call('mount', true)));
  const m = await b.process.call<{ path: string }>('mount', 'unsafe');
  const path = join(`/proc/${b.process.child.pid}/root`, m.path, 'journal');
  await expect.poll(() => new Set(journal(path).map((l) => l.node)).size, { timeout: 20_000 }).toBe(2);
  await b.process.call('unmount');
  await b.process.call('mount', false);
  const lines = journal(path);
  assertOneWriter(lines);
  expect(lines.filter((l) => l.epoch === 1).length).toBeGreaterThanOrEqual(must[1] ?? 0);
}

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Cleanup } from '@rexray/rig';
import { expect } from 'vitest';
import { answer, assertOneWriter, directory, type Hunt, type Hunter, hunt, journal } from './hunt.ts';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const SEED = Number(process.env.SAFETY_SEED ?? 1);

/** Small and repeatable; what happens between two processes is not. */
function dice(seed: number): (n: number) => number {
  let x = seed;
  return (n) => {
    x = (Math.imul(x, 1_103_515_245) + 12_345) & 0x7fffffff;
    return Math.floor((x / 0x80000000) * n);
  };
}

/** The highest claim on the volume, as its directory shows it; what the loser of a takeover still acknowledges is not promised. */
const claimed = (h: Hunt): number =>
  Math.max(
    0,
    ...readdirSync(join(h.shared, 'data')).map((e) =>
      Number(/^(?:claim|free)\.[0-9a-f]{12}\.(\d+)$/.exec(e)?.[1] ?? 0),
    ),
  );

/** Lines that were acknowledged under the claim that counts, while it did. */
async function known(h: Hunt): Promise<Record<string, number>> {
  const all = await Promise.all(
    h.nodes.map((n) => n.process.call<Record<string, number>>('acknowledged').catch(() => ({}))),
  );
  const epoch = claimed(h);
  const lines = (Object.assign({}, ...all) as Record<string, number>)[epoch];
  return lines === undefined ? {} : { [epoch]: lines };
}

/** One thing that goes wrong while one of them writes. */
async function trouble(h: Hunt, what: number, from: Hunter, to: Hunter, wait: number): Promise<void> {
  switch (what) {
    case 0: // The owner is stopped, does not hear that it lost, and goes on in the middle of a write.
      from.process.child.kill('SIGSTOP');
      await answer(to.process.call('mount', true));
      from.process.child.kill('SIGCONT');
      break;
    case 1: // Clocks decide nothing.
      await answer(from.process.call('clock', (wait % 2 === 0 ? 1 : -1) * 3_600_000));
      await answer(to.process.call('mount', true));
      break;
    case 2: // A storm.
      await Promise.all([from, to, from, to, to, from].map((n) => answer(n.process.call('mount', true))));
      break;
    case 3: // The owner dies; it comes back, and both want it.
      await from.process.kill();
      h.start(from);
      await Promise.all([from, to].map((n) => answer(n.process.call('mount', true))));
      break;
    case 4: // The one that takes is stopped in the middle of taking.
      {
        const taking = answer(to.process.call('mount', true));
        await sleep(wait);
        to.process.child.kill('SIGSTOP');
        await answer(from.process.call('mount', true));
        to.process.child.kill('SIGCONT');
        await taking;
      }
      break;
    default:
      await answer(from.process.call('unmount'));
      await answer(to.process.call('mount', false));
  }
}

/** Stopped, storming, dying nodes with clocks that jump: one epoch after the other. */
export async function storm(cleanup: Cleanup, rounds: number): Promise<void> {
  const h = hunt(cleanup, directory(cleanup, 'xfs'));
  const roll = dice(SEED);
  await h.nodes[0].process.call('create', { size: '64MiB' });
  await h.nodes[0].process.call('mount', false);
  const must: Record<string, number> = {};
  for (let i = 0; i < rounds; i++) {
    await sleep(30 + roll(60));
    // What is acknowledged before anything begins is there in the end.
    Object.assign(must, await known(h));
    const first = roll(2);
    const [from, to] = [h.nodes[first], h.nodes[1 - first]] as [Hunter, Hunter];
    await trouble(h, roll(6), from, to, roll(40));
  }
  const last = await finish(h);
  const lines = journal(last);
  assertOneWriter(lines);
  const count = new Map<number, number>();
  for (const l of lines) count.set(l.epoch, l.n);
  console.log(`two writers: ${rounds} rounds, ${count.size} epochs, ${lines.length} lines`);
  expect(count.size).toBeGreaterThan(2);
  for (const [epoch, n] of Object.entries(must))
    expect(count.get(Number(epoch)) ?? 0, `acknowledged lines of epoch ${epoch}`).toBeGreaterThanOrEqual(n);
}

/** Everybody lets go; the journal is read where it is mounted then. */
async function finish(h: Hunt): Promise<string> {
  for (const n of h.nodes)
    await expect.poll(() => answer(n.process.call('unmount')), { timeout: 30_000, interval: 250 }).toBe('ok');
  const [a] = h.nodes;
  const m = await a.process.call<{ path: string }>('mount', true);
  return join(`/proc/${a.process.child.pid}/root`, m.path, 'journal');
}

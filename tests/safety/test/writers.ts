import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cleanup, type Share, share } from '@rexray/rig';
import { dice } from '../src/damage.ts';
import {
  acknowledgedIn,
  answer,
  assertKept,
  directory,
  finish,
  type Hunt,
  type Hunter,
  hunt,
  ownerIn,
  troubles,
} from './hunt.ts';

const run = (file: string, ...args: string[]): string =>
  execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

interface SlowDisk {
  readonly disk: Share;
  /** On it, with reflinks. */
  readonly volumes: string;
}
/** A stall ends by itself after so many ms: who waits for a disk waits in the kernel. */
const STALL_MS = 3_000;

/** A directory on a disk that lets few bytes through, and at times none. */
async function slowDisk(cleanup: Cleanup): Promise<SlowDisk> {
  const below = cleanup.tempDir('rexray-slow-');
  run('truncate', '-s', '1G', join(below, 'disk'));
  run('mkfs.xfs', '-q', join(below, 'disk'));
  const disk = await share(cleanup, below, ['--write-rate=4M', '--read-rate=16M']);
  const at = join(cleanup.tempDir('rexray-slow-'), 'fs');
  mkdirSync(at);
  run('mount', '-o', 'loop', join(disk.path, 'disk'), at);
  cleanup.add(() => {
    disk.heal();
    run('umount', at);
  });
  mkdirSync(join(at, 'volumes'));
  return { disk, volumes: join(at, 'volumes') };
}

/** One thing that goes wrong while one of them writes. */
async function trouble(h: Hunt, what: number, from: Hunter, to: Hunter, wait: number, disk?: Share): Promise<void> {
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
    case 6: {
      // The disk stalls while one takes the volume and the other writes, or lets go of it.
      const taking = answer(to.process.call('mount', true));
      await sleep(wait * 4);
      disk?.cut(STALL_MS);
      if (wait % 2 === 0) await answer(from.process.call('unmount'));
      await taking;
      break;
    }
    default:
      await answer(from.process.call('unmount'));
      await answer(to.process.call('mount', false));
  }
}

/** Stopped, storming, dying nodes with clocks that jump: one epoch after the other. */
export const storm = (cleanup: Cleanup, rounds: number, seed: number): Promise<void> =>
  rage(hunt(cleanup, directory(cleanup, 'xfs')), rounds, seed);

/** The same where everything takes its time: what lies between a claim, a switch and a flush is long. */
export async function slowStorm(cleanup: Cleanup, rounds: number, seed: number): Promise<void> {
  const { disk, volumes } = await slowDisk(cleanup);
  await rage(hunt(cleanup, volumes), rounds, seed, disk);
}

async function rage(h: Hunt, rounds: number, seed: number, disk?: Share): Promise<void> {
  const roll = dice(seed);
  const kinds = troubles(disk === undefined ? 6 : 7, roll);
  await h.nodes[0].process.call('create', { size: '64MiB' });
  await h.nodes[0].process.call('mount', false);
  const must: Record<string, number> = {};
  for (let i = 0; i < rounds; i++) {
    await sleep(30 + roll(60));
    // What is acknowledged before anything begins is there in the end.
    Object.assign(must, await acknowledgedIn(h));
    const owner = Math.max(0, ownerIn(h));
    const [from, to] = [h.nodes[owner], h.nodes[1 - owner]] as [Hunter, Hunter];
    // Whoever lost it and still has it mounted is refused; mostly it has let go by then.
    if (roll(4) > 0) await answer(to.process.call('unmount'));
    await trouble(h, kinds.next().value, from, to, roll(40), disk);
    disk?.heal();
  }
  assertKept(`two writers${disk === undefined ? '' : ' on a slow disk'}: ${rounds} rounds`, await finish(h), must);
}

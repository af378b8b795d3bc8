import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Integration } from '@rexray/core';
import type { Cleanup } from '@rexray/rig';
import { mountsBelow } from '../src/audit.ts';
import { imagesOf, openPlace } from '../src/open.ts';
import { CONTENT, SIZE } from '../src/scenarios.ts';

const run = (file: string, ...args: string[]): string =>
  execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** The place that each kill starts from, made once. */
export async function template(home: string): Promise<void> {
  const p = await openPlace({ home });
  const s = p.volumes;
  for (const name of ['v', 'bystander']) {
    await s.create(name, { size: SIZE.ext4 });
    await put(s, name, 'hello', CONTENT);
  }
  await s.create('blank', { size: SIZE.ext4 });
  await s.snapshots.create('v', 's');
  const image = join(imagesOf(home), 'theirs.img');
  run('truncate', '-s', '16M', image);
  run('mkfs.ext4', '-q', image);
  await p.rex.close();
}

export async function put(s: Integration, name: string, file: string, text: string): Promise<void> {
  const m = await s.mount(name, { holder: 'cli' });
  writeFileSync(join(m.path, file), text, { flush: true });
  await s.unmount(name, { holder: 'cli' });
}

export function copyOf(cleanup: Cleanup, from: string): string {
  const home = join(cleanup.tempDir('rexray-kill-'), 'home');
  cleanup.add(() => takeOff(home));
  run('cp', '-a', '--sparse=always', from, home);
  return home;
}

/** Runs `tasks` by so many at once; the first failure of each is told. */
export async function lanes<T>(count: number, tasks: readonly T[], f: (t: T) => Promise<void>): Promise<void> {
  const rest = [...tasks];
  const errors: Error[] = [];
  const lane = async (): Promise<void> => {
    for (let t = rest.shift(); t !== undefined; t = rest.shift()) {
      await f(t).catch((e: Error) => {
        // Long runs: told when it happens, not after an hour.
        console.error(e.message);
        errors.push(e);
      });
    }
  };
  await Promise.all(Array.from({ length: count }, lane));
  if (errors.length > 0) throw new AggregateError(errors, errors.map((e) => e.message).join('\n'));
}

/**
 * Takes off whatever a failed run left below a home, before the home is deleted: a deletion must not walk into a mounted
 * volume, and in a frozen one it would never come back.
 */
export function takeOff(home: string): void {
  for (const m of [...mountsBelow(home)].reverse()) {
    spawnSync('fsfreeze', ['--unfreeze', m]);
    spawnSync('umount', [m]);
  }
  const left = mountsBelow(home);
  if (left.length > 0) throw new Error(`still mounted, so not deleted: ${left.join(', ')}`);
}

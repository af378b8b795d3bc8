import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup, suite } from '@rexray/rig';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NEEDS, powerCuts, SCRIPT } from './power-cuts.ts';

suite('S1, S12, S13: power cut at some flushes', NEEDS, () =>
  powerCuts(['create', 'first mount (format)', 'clone', 'remove'], 3),
);

suite('S16: a power cut ends everybody', NEEDS, () => {
  let cleanup: Cleanup;
  beforeEach(() => {
    cleanup = new Cleanup();
  });
  afterEach(() => cleanup.run());

  it('also who has a frozen volume open and lives on', { timeout: 120_000 }, () => {
    const dir = cleanup.tempDir('rexray-cut-');
    const [disk, mnt, boot] = [join(dir, 'disk'), join(dir, 'mnt'), join(dir, 'boot_id')];
    mkdirSync(mnt);
    cleanup.add(() => end(join(dir, 'survivor')));
    execFileSync('truncate', ['-s', '400M', disk]);
    execFileSync('mkfs.xfs', ['-q', disk]);
    writeFileSync(boot, 'next\n');
    const audit = `[ $(cat /proc/sys/kernel/random/boot_id) = next ] && cat "$MNT/lasts"
      [ -e "/proc/$(cat "$MNT/../survivor")/fd/9" ] || echo alone`;
    const said = execFileSync('unshare', ['--mount', '--propagation', 'private', 'sh', SCRIPT], {
      encoding: 'utf8',
      env: {
        ...{ ...process.env, IMAGE: disk, MNT: mnt, BOOT: boot, NODE: 'sh', ORDER: '', QUESTION: '' },
        ...{ VICTIM: program(dir, 'victim', SURVIVED), AUDIT: program(dir, 'audit', audit) },
      },
    });
    expect(said.split('\n')).toEqual(['lasts', 'alone', '']);
  });
});

function program(dir: string, name: string, text: string): string {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
}

function end(survivor: string): void {
  const pid = Number(readFileSync(survivor, 'utf8'));
  // Not whoever has its number by now.
  if (existsSync(`/proc/${pid}/fd/9`)) process.kill(pid, 'SIGKILL');
}

/** Dies with a volume on the disk frozen, in the hands of a child that nothing told to end. */
const SURVIVED = `
set -e
echo lasts >"$MNT/lasts"
truncate -s 32M "$MNT/image"
mkfs.ext4 -q "$MNT/image"
mkdir "$MNT/volume"
mount -o loop "$MNT/image" "$MNT/volume"
sync
( exec 9<"$MNT/volume"; exec sleep 300 ) >/dev/null 2>&1 &
echo $! >"$MNT/../survivor"
until [ -e "/proc/$!/fd/9" ]; do sleep 0.02; done
fsfreeze --freeze "$MNT/volume"
xfs_io -x -c shutdown "$MNT"
kill -KILL $$
`;

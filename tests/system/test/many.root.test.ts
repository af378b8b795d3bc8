import { execFileSync } from 'node:child_process';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup, EXT4, suite, XFS } from '@rexray/rig';
import { afterEach, expect, it } from 'vitest';
import { left, loopsBelow, real } from '../src/real.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

suite('many at once, on loop devices', { root: true, loop: true, programs: { ...XFS, ...EXT4 } }, () => {
  it('S7: 64 volumes mounted at once, each with its own device', async () => {
    const r = await real(cleanup);
    const names = Array.from({ length: 64 }, (_, i) => `v-${i}`);
    await Promise.all(names.map((n) => r.volumes.create(n, { size: '16MiB' })));
    const mounts = await Promise.all(names.map((n) => r.volumes.mount(n, { holder: 'cli' })));
    expect(new Set(mounts.map((m) => m.device)).size).toBe(64);
    expect(loopsBelow(r.home)).toHaveLength(64);
    for (const m of mounts) writeFileSync(join(m.path, 'me'), m.volume);
    await Promise.all(names.map((n) => r.volumes.unmount(n, { holder: 'cli' })));
    expect(left(r.home)).toEqual([]);
  });

  it('64 holders of one volume at once, unmounts in random order: one mount, one unmount, no leak', async () => {
    const r = await real(cleanup);
    await r.volumes.create('one', { size: '16MiB' });
    const steps: string[] = [];
    r.rex.events.on('op.step', (e) => {
      if (e.phase === 'begin') steps.push(`${e.op}/${e.step}`);
    });
    const holders = Array.from({ length: 64 }, (_, i) => `engine:${i}`);
    const mounts = await Promise.all(holders.map((holder) => r.volumes.mount('one', { holder })));
    expect(new Set(mounts.map((m) => m.path)).size).toBe(1);
    expect(loopsBelow(r.home)).toHaveLength(1);
    const shuffled = holders.map((h) => [Math.random(), h] as const).sort(([a], [b]) => a - b);
    await Promise.all(shuffled.map(([, holder]) => r.volumes.unmount('one', { holder })));
    expect(steps.filter((s) => s === 'mount/mount')).toHaveLength(1);
    expect(steps.filter((s) => s === 'unmount/unmount')).toHaveLength(1);
    expect(left(r.home)).toEqual([]);
  });

  it('the documented paths: the file system’s root, and data in it, 0700 root', async () => {
    const r = await real(cleanup);
    await r.volumes.create('test12345', { size: '304MiB', fsType: 'xfs' });
    const m = await r.volumes.mount('test12345', { holder: 'dvdcli' });
    expect(m.root).toBe(join(r.home, 'var/lib/volumes/test12345'));
    expect(m.path).toBe(`${m.root}/data`);
    expect(statSync(m.path).mode & 0o7777).toBe(0o700);
    execFileSync('touch', [join(m.root, 'hello')]);
    execFileSync('chmod', ['750', m.path]);
    await r.volumes.unmount('test12345', { holder: 'dvdcli' });
    expect(existsSync(join(m.root, 'hello'))).toBe(false);
    const again = await r.volumes.mount('test12345', { holder: 'dvdcli' });
    expect(existsSync(join(again.root, 'hello'))).toBe(true);
    expect(statSync(again.path).mode & 0o7777, 'a mode that somebody set stays').toBe(0o750);
    await r.volumes.unmount('test12345', { holder: 'dvdcli' });
  });

  it('S25: a clone mounts beside its original, and after growth both are larger', async () => {
    const r = await real(cleanup);
    for (const [fsType, size, more] of [
      ['ext4', '32MiB', '96MiB'],
      ['xfs', '304MiB', '512MiB'],
    ] as const) {
      const [from, to] = [`from-${fsType}`, `to-${fsType}`];
      await r.volumes.create(from, { size, fsType });
      const m = await r.volumes.mount(from, { holder: 'cli' });
      writeFileSync(join(m.path, 'hello'), fsType);
      await r.volumes.clone(from, to);
      const n = await r.volumes.mount(to, { holder: 'cli' });
      expect(existsSync(join(n.path, 'hello'))).toBe(true);
      expect((await r.volumes.get(to)).fsUuid).not.toBe((await r.volumes.get(from)).fsUuid);
      await r.volumes.expand(to, { size: more });
      await r.volumes.unmount(to, { holder: 'cli' });
      const grown = await r.volumes.mount(to, { holder: 'cli' });
      const bytes = Number(
        execFileSync('stat', ['-f', '-c', '%b %S', grown.root], { encoding: 'utf8' })
          .split(' ')
          .reduce((a, b) => String(Number(a) * Number(b))),
      );
      expect(bytes).toBeGreaterThan(Number.parseInt(more, 10) * 2 ** 20 * 0.8);
      for (const name of [from, to]) await r.volumes.unmount(name, { holder: 'cli' });
    }
    expect(left(r.home)).toEqual([]);
  });
});

/** Disks of a hypervisor that does not announce them, as VirtualBox's are seen by its guest: names of udev, SCSI hosts, real loop devices behind. */
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DiskMatch, isVolumeError } from '@rexray/core';
import { type Loop, loopAttach } from '@rexray/kernel';
import { Cleanup, EXT4, suite } from '@rexray/rig';
import { afterEach, expect, it } from 'vitest';
import { bench, context, EXT4_IMAGE, image, spec } from './rig.ts';

let cleanup = new Cleanup();
afterEach(async () => {
  const c = cleanup;
  cleanup = new Cleanup();
  await c.run();
});

/** The names of uuids that have their first half in common, as VirtualBox gives them (VB<first 8 hex>-<last 8, byte by byte>). */
const OURS = 'ata-VBOX_HARDDISK_VB938dca77-0f21b4c3';
const NEIGHBOUR = 'ata-VBOX_HARDDISK_VB938dca77-aa00bb11';
const HOSTS = ['host0', 'host1', 'host12'];

suite('disks that appear when SCSI hosts are asked', {
  root: true,
  loop: true,
  programs: { ...EXT4, sfdisk: 'fdisk', partx: 'util-linux' },
}, () => {
  function guest() {
    const dir = cleanup.tempDir('rexray-scsi-');
    const [byIdDir, scsiHostDir] = [join(dir, 'by-id'), join(dir, 'scsi_host')];
    mkdirSync(byIdDir);
    for (const h of HOSTS) {
      mkdirSync(join(scsiHostDir, h), { recursive: true });
      writeFileSync(join(scsiHostDir, h, 'scan'), '');
    }
    mkdirSync(join(scsiHostDir, 'not-a-host'));
    const b = bench(cleanup, { byIdDir, scsiHostDir });
    const loop = (...ids: string[]): Loop => {
      const fd = openSync(image(b.dir, 16, EXT4_IMAGE).path, 'r+');
      const l = loopAttach(fd);
      closeSync(fd);
      cleanup.add(() => closeSync(l.fd));
      for (const id of ids) symlinkSync(l.path, join(byIdDir, id));
      return l;
    };
    return {
      b,
      byIdDir,
      scsiHostDir,
      loop,
      scanned: () => HOSTS.map((h) => readFileSync(join(scsiHostDir, h, 'scan'), 'utf8')),
    };
  }
  const disk = (match: DiskMatch) => ({ kind: 'disk', match }) as const;
  async function failure(p: Promise<unknown>): Promise<{ code: string; message: string }> {
    try {
      await p;
    } catch (e) {
      if (isVolumeError(e)) return e;
      throw e;
    }
    throw new Error('it succeeded');
  }

  it('asks every host, and takes the disk that then appears', async () => {
    const g = guest();
    const l = g.loop();
    const s = await g.b.host.open('v', context());
    cleanup.add(() => s.release());
    // The kernel's part: a disk is there, and udev names it, a moment after a host was asked.
    const timer = setInterval(() => {
      if (g.scanned()[2] !== '- - -' || existsSync(join(g.byIdDir, OURS))) return;
      symlinkSync(l.path, join(g.byIdDir, OURS));
    }, 30);
    cleanup.add(() => clearInterval(timer));
    const device = await s.connect(disk({ byId: OURS }), { readonly: false }, context(10_000));
    expect(device.path).toBe(l.path);
    expect(g.scanned()).toEqual(HOSTS.map(() => '- - -'));
    const target = join(g.b.mountRoot, 'v');
    await s.mount(device, spec(target), context());
    await s.unmount(target, {}, context());
    await s.disconnect(disk({ byId: OURS }), context());
  });

  it('asks nobody for a disk that is there', async () => {
    const g = guest();
    const l = g.loop(OURS);
    const s = await g.b.host.open('v', context());
    cleanup.add(() => s.release());
    expect((await s.connect(disk({ byId: OURS }), { readonly: false }, context())).path).toBe(l.path);
    expect(g.scanned()).toEqual(['', '', '']);
  });

  it('waits within bounds, and says that it asked', async () => {
    const g = guest();
    const s = await g.b.host.open('v', context());
    cleanup.add(() => s.release());
    const began = performance.now();
    const e = await failure(s.connect(disk({ byId: OURS }), { readonly: false }, context(700)));
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(e.code).toBe('unavailable');
    expect(e.message).toContain(OURS);
    expect(e.message).toContain('SCSI hosts were asked');
    rmSync(g.scsiHostDir, { recursive: true });
    expect((await failure(s.connect(disk({ byId: OURS }), { readonly: false }, context(200)))).code).toBe(
      'unavailable',
    );
  });

  it('knows a disk by both halves of its uuid, and never takes a partition', async () => {
    const g = guest();
    g.loop(NEIGHBOUR);
    const whole = g.loop();
    // A table with one partition: its link ends like the whole disk's with -part1, and is there alone.
    execFileSync('sfdisk', ['-q', '--no-reread', whole.path], {
      input: '2048,8192\n',
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    execFileSync('partx', ['-a', whole.path], { stdio: 'ignore' });
    cleanup.add(() => execFileSync('partx', ['-d', whole.path], { stdio: 'ignore' }));
    const partition = `${whole.path}p1`;
    symlinkSync(partition, join(g.byIdDir, `${OURS}-part1`));
    const s = await g.b.host.open('v', context());
    cleanup.add(() => s.release());
    expect((await failure(s.connect(disk({ byId: OURS }), { readonly: false }, context(300)))).code).toBe(
      'unavailable',
    );
    // Even where a link of the disk's own name leads to a partition.
    symlinkSync(partition, join(g.byIdDir, OURS));
    expect((await failure(s.connect(disk({ byId: OURS }), { readonly: false }, context(300)))).code).toBe(
      'unavailable',
    );
    rmSync(join(g.byIdDir, OURS));
    symlinkSync(whole.path, join(g.byIdDir, OURS));
    expect((await s.connect(disk({ byId: OURS }), { readonly: false }, context())).path).toBe(whole.path);
  });

  it('S22: looks where the service says, and writes below /sys only', async () => {
    const g = guest();
    const elsewhere = join(g.b.dir, 'other-by-id');
    mkdirSync(elsewhere);
    const l = g.loop();
    symlinkSync(l.path, join(elsewhere, OURS));
    const s = await g.b.host.open('v', context());
    cleanup.add(() => s.release());
    const there = { ...disk({ byId: OURS }), look: { byIdDir: elsewhere } };
    expect((await s.connect(there, { readonly: false }, context())).path).toBe(l.path);
    const aimed = { ...disk({ byId: OURS }), look: { scsiHostDir: g.scsiHostDir } };
    expect((await failure(s.connect(aimed, { readonly: false }, context(300)))).code).toBe('denied');
    expect(g.scanned()).toEqual(['', '', '']);
  });
});

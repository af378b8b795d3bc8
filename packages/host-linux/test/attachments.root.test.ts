import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type DiskMatch, isVolumeError } from '@rexray/core';
import { type Loop, loopAttach } from '@rexray/kernel';
import { Cleanup, EXT4, loopsBelow, mountedFileSystem, suite, XFS } from '@rexray/rig';
import { afterEach, expect, it } from 'vitest';
import { bench, context, EXT4_IMAGE, image, killQuietly, mountTable, opener, spec } from './rig.ts';

let cleanup = new Cleanup();
afterEach(async () => {
  const c = cleanup;
  cleanup = new Cleanup();
  await c.run();
});
async function failure(
  p: Promise<unknown>,
): Promise<{ code: string; message: string; details: { rule?: string; pids?: number[] } }> {
  try {
    await p;
  } catch (e) {
    if (isVolumeError(e)) return e as never;
    throw e;
  }
  throw new Error('it succeeded');
}

suite('S22: disks by identity', { root: true, loop: true, programs: EXT4 }, () => {
  /** A by-id tree as udev makes it, over loop devices instead of disks. */
  function tree(names: readonly (readonly string[])[]): { dir: string; b: ReturnType<typeof bench>; loops: Loop[] } {
    const dir = join(cleanup.tempDir(), 'by-id');
    mkdirSync(dir);
    const b = bench(cleanup, { byIdDir: dir });
    const loops = names.map((ids) => {
      const fd = openSync(image(b.dir, 16, EXT4_IMAGE).path, 'r+');
      const loop = loopAttach(fd);
      closeSync(fd);
      cleanup.add(() => closeSync(loop.fd));
      for (const id of ids) symlinkSync(loop.path, join(dir, id));
      return loop;
    });
    return { dir, b, loops };
  }
  const disk = (match: DiskMatch) => ({ kind: 'disk', match }) as const;

  it('finds one by serial, wwn, name or path, and mounts it', async () => {
    const { b, loops } = tree([
      [
        'nvme-Amazon_Elastic_Block_Store_vol0abc',
        'nvme-Amazon_Elastic_Block_Store_vol0abc_1',
        'wwn-0x5000c500a1b2c3d4',
      ],
      ['ata-VBOX_HARDDISK_VB1234-5678'],
    ]);
    const s = await b.host.open('v', context());
    cleanup.add(() => s.release());
    const found = async (match: DiskMatch): Promise<string> =>
      (await s.connect(disk(match), { readonly: false }, context(500))).path;
    expect(await found({ serial: 'vol0abc' })).toBe(loops[0]?.path);
    expect(await found({ wwn: 'naa.5000C500A1B2C3D4' })).toBe(loops[0]?.path);
    expect(await found({ serial: 'VB1234-5678', byId: 'ata-VBOX_HARDDISK_VB1234-5678', sizeBytes: 16 << 20 })).toBe(
      loops[1]?.path,
    );
    expect(await found({ path: loops[1]?.path ?? '', byId: 'ata-VBOX_HARDDISK_VB1234-5678' })).toBe(loops[1]?.path);
    const device = await s.connect(disk({ serial: 'vol0abc' }), { readonly: false }, context());
    expect(device).toMatchObject({ kind: 'block', sizeBytes: 16 << 20, fresh: false });
    const target = join(b.mountRoot, 'v');
    await s.mount(device, spec(target), context());
    cleanup.add(() => s.unmount(target, {}, context()));
    expect((await failure(s.disconnect(disk({ serial: 'vol0abc' }), context()))).code).toBe('in_use');
    await s.unmount(target, {}, context());
    await s.disconnect(disk({ serial: 'vol0abc' }), context());
  });

  it('refuses what fits several disks, or none of whose fields identify it', async () => {
    const { b } = tree([['scsi-0_SAME'], ['scsi-1_SAME'], ['scsi-1_OTHER']]);
    const s = await b.host.open('v', context());
    cleanup.add(() => s.release());
    const tried = async (match: DiskMatch): Promise<string> =>
      (await failure(s.connect(disk(match), { readonly: false }, context(150)))).code;
    expect(await tried({ serial: 'SAME' })).toBe('denied');
    expect(await tried({ sizeBytes: 16 << 20 })).toBe('invalid');
    expect(await tried({ serial: 'OTHER', sizeBytes: 1 })).toBe('unavailable');
    expect(await tried({ serial: 'THER' })).toBe('unavailable');
    expect(await tried({ byId: '../by-id/scsi-1_OTHER' })).toBe('unavailable');
    expect(await s.find(disk({ serial: 'NONE' }), context())).toBeUndefined();
  });

  it('waits for a disk that appears later', async () => {
    const { dir, b, loops } = tree([[]]);
    const s = await b.host.open('v', context());
    cleanup.add(() => s.release());
    const waiting = s.connect(disk({ serial: 'LATE' }), { readonly: false }, context(5000));
    setTimeout(() => symlinkSync(loops[0]?.path ?? '', join(dir, 'virtio-LATE')), 150);
    expect((await waiting).path).toBe(loops[0]?.path);
  });

  it('never takes a disk that is mounted elsewhere for a volume', async () => {
    const { dir } = tree([]);
    const b = bench(cleanup, { byIdDir: dir, mountRoot: '/var/lib/rexray/volumes' });
    const a = image(b.dir, 16, EXT4_IMAGE);
    const elsewhere = join(b.dir, 'elsewhere');
    mkdirSync(elsewhere);
    execFileSync('mount', ['-o', 'loop', a.path, elsewhere]);
    cleanup.add(() => execFileSync('umount', [elsewhere]));
    const source = / - ext4 (\/dev\/loop\d+)/.exec(
      mountTable()
        .split('\n')
        .find((l) => l.includes(elsewhere)) ?? '',
    )?.[1];
    symlinkSync(source ?? '', join(dir, 'virtio-SYSTEM'));
    const s = await b.host.open('v', context());
    cleanup.add(() => s.release());
    const e = await failure(s.connect(disk({ serial: 'SYSTEM' }), { readonly: false }, context()));
    expect(e).toMatchObject({ code: 'denied', details: { rule: 'S22' } });
    expect(e.message).toContain(elsewhere);
    const root = /^\S+ \S+ (\S+) \/ \/ /m.exec(mountTable())?.[1];
    expect(root).toBeDefined();
  });
});

suite('directories and shares', { root: true }, () => {
  it('binds a directory, and finds its mounts again', async () => {
    const b = bench(cleanup);
    const dir = join(b.dir, 'plain');
    mkdirSync(dir);
    const a = { kind: 'dir', path: dir } as const;
    const s = await b.host.open('v', context());
    cleanup.add(() => s.release());
    const device = await s.connect(a, { readonly: false }, context());
    const target = join(b.mountRoot, 'v');
    const bind = spec(target, { fsType: 'bind', owner: { mode: 0o770 } });
    const m = await s.mount(device, bind, context());
    cleanup.add(() => s.unmount(target, {}, context()));
    expect(m.path).toBe(join(target, 'data'));
    expect(statSync(join(dir, 'data')).mode & 0o777).toBe(0o770);
    writeFileSync(join(m.path, 'f'), 'x');
    expect(readFileSync(join(dir, 'data/f'), 'utf8')).toBe('x');
    expect(mountTable()).toMatch(new RegExp(`${target} rw,nosuid,nodev`));
    expect((await s.mount(device, bind, context())).mountId).toBe(m.mountId);
    expect((await failure(s.assertUnused(device, context()))).code).toBe('in_use');
    expect((await failure(s.disconnect(a, context()))).code).toBe('in_use');
    const user = await opener(m.path);
    cleanup.add(() => killQuietly(user.pid));
    expect((await s.users(device, context())).map((u) => u.pid)).toContain(user.pid);
    killQuietly(user.pid);
    await new Promise((r) => setTimeout(r, 50));
    await s.unmount(target, { expectDevno: m.devno }, context());
    await s.assertUnused(device, context());
    await s.disconnect(a, context());
    expect(existsSync(target)).toBe(false);
    const again = await s.connect(a, { readonly: true }, context());
    const ro = await s.mount(again, spec(target, { readonly: true, makeSubdir: false }), context());
    expect(ro.readonly).toBe(true);
    expect(() => writeFileSync(join(ro.path, 'g'), 'x')).toThrow(/EROFS/);
    await s.unmount(target, {}, context());
    rmSync(dir, { recursive: true });
    expect(await s.find(a, context())).toBeUndefined();
    await s.disconnect(a, context());
  });

  it('mounts a share with its options, and refuses others (S21)', async () => {
    const b = bench(cleanup);
    const source = `rexray-test-${process.pid}`;
    const a = { kind: 'share', fsType: 'tmpfs', source, options: ['size=1m'] } as const;
    const s = await b.host.open('v', context());
    cleanup.add(() => s.release());
    const device = await s.connect(a, { readonly: false }, context());
    const target = join(b.mountRoot, 'v');
    const m = await s.mount(device, spec(target, { options: ['noexec'] }), context());
    cleanup.add(() => s.unmount(target, {}, context()));
    expect(mountTable()).toMatch(new RegExp(`${target} rw,nosuid,nodev,noexec.* - tmpfs ${source} rw,size=1024k`));
    expect(statSync(m.path).isDirectory()).toBe(true);
    expect((await failure(s.assertUnused(device, context()))).code).toBe('in_use');
    await s.unmount(target, {}, context());
    await s.assertUnused(device, context());
    const bad = await s.connect({ ...a, options: ['huge=always'] }, { readonly: false }, context());
    expect((await failure(s.mount(bad, spec(target), context()))).code).toBe('invalid');
    expect(existsSync(target)).toBe(false);
  });

  it('a share whose server is not there says so and leaves nothing', async () => {
    const b = bench(cleanup);
    const a = {
      kind: 'share',
      fsType: 'nfs',
      source: '127.0.0.1:/none',
      options: ['soft', 'timeo=1', 'retry=0'],
    } as const;
    const s = await b.host.open('v', context());
    cleanup.add(() => s.release());
    const device = await s.connect(a, { readonly: false }, context());
    const target = join(b.mountRoot, 'v');
    const e = await failure(s.mount(device, spec(target), context(5000)));
    expect(['unavailable', 'timeout']).toContain(e.code);
    expect(existsSync(target)).toBe(false);
  });
});

suite("S7: somebody else's disk that failed", {
  root: true,
  loop: true,
  programs: { ...EXT4, ...XFS, xfs_io: 'xfsprogs' },
}, () => {
  it('does not keep an image from being given back that is there no more', async () => {
    const failed = mountedFileSystem(cleanup, 'xfs', '320M');
    const theirs = openSync(image(failed).path, 'r+');
    const loop = loopAttach(theirs);
    closeSync(theirs);
    cleanup.add(() => closeSync(loop.fd));
    execFileSync('xfs_io', ['-x', '-c', 'shutdown', failed]);
    const b = bench(cleanup);
    const a = image(b.dir);
    const s = await b.host.open('v', context());
    cleanup.add(() => s.release());
    const { backing } = await s.connect(a, { readonly: false }, context());
    // As after a switch (S10), or a removal by another node.
    rmSync(a.path);
    await s.disconnect({ ...a, ...(backing !== undefined && { inode: backing }) }, context());
    expect(loopsBelow(b.dir)).toEqual([]);
  });
});

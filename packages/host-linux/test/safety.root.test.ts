import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isVolumeError } from '@rexray/core';
import { closeFd, findLoops, loopAttach } from '@rexray/kernel';
import { BTRFS, Cleanup, EXT4, RUNTIMES, suite } from '@rexray/rig';
import { afterEach, expect, it } from 'vitest';
import { makeMountpoint, removeMountpoint } from '../src/mount/mountpoint.ts';
import { bench, context, EXT4_IMAGE, ended, image, killQuietly, mountTable, opener, spec } from './rig.ts';

let cleanup = new Cleanup();
afterEach(async () => {
  const c = cleanup;
  cleanup = new Cleanup();
  await c.run();
});

async function failure(
  p: Promise<unknown>,
): Promise<{ code: string; message: string; details: { pids?: number[]; rule?: string } }> {
  try {
    await p;
  } catch (e) {
    if (isVolumeError(e)) return e as never;
    throw e;
  }
  throw new Error('it succeeded');
}

/** A process in a private mount namespace of its own, which keeps the mounts of now. */
async function namespace([propagation, first] = ['private', ':']): Promise<ChildProcess & { readonly pid: number }> {
  const script = `${first} && echo in; exec sleep 60`;
  const child = spawn('unshare', ['--mount', '--propagation', propagation, 'sh', '-c', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanup.add(async () => {
    child.kill('SIGKILL');
    await ended(child);
  });
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  return child as ChildProcess & { readonly pid: number };
}

const loopsOf = (path: string): number[] => {
  const { dev, ino } = statSync(path, { bigint: true });
  return findLoops(dev, ino, { lives: () => true }).map((l) => {
    closeSync(l.fd);
    return l.number;
  });
};

/** The descriptor of the one lock that this process holds. */
function findLockFd(dir: string): number {
  const fd = readdirSync('/proc/self/fd').find((n) => linkOf(`/proc/self/fd/${n}`).startsWith(dir));
  return Number(fd);
}
const linkOf = (path: string): string => {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
};
const hasOpen = (pid: number, path: string): boolean => {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => linkOf(`/proc/${pid}/fd/${fd}`) === path);
  } catch {
    return false;
  }
};
async function until(f: () => boolean): Promise<void> {
  for (let i = 0; i < 2000 && !f(); i++) await new Promise((r) => setTimeout(r, 1));
}

suite('S6 and S7: devices', { root: true, loop: true, programs: { ...EXT4, ...BTRFS } }, () => {
  it('S6: a private mount namespace that keeps the file system alive is found and named', async () => {
    const b = bench(cleanup);
    const a = image(b.dir, 16, EXT4_IMAGE);
    const s = await b.host.open('v', context());
    cleanup.add(() => s.release());
    const device = await s.connect(a, { readonly: false }, context());
    const target = join(b.mountRoot, 'v');
    await s.mount(device, spec(target), context());
    cleanup.add(() => s.unmount(target, {}, context()));
    const other = await namespace();
    await s.unmount(target, {}, context());
    expect(mountTable()).not.toContain(target);
    expect(existsSync(target)).toBe(true); // removing it would detach the other's mount
    const e = await failure(s.assertUnused(device, context()));
    expect(e.code).toBe('in_use');
    expect(e.details.pids).toContain(other.pid);
    expect((await failure(s.disconnect(a, context()))).code).toBe('in_use');
    expect(
      (
        await failure(
          s.format(device, { fsType: 'ext4', uuid: crypto.randomUUID(), options: {}, wipe: true }, context()),
        )
      ).code,
    ).toBe('in_use');
    other.kill('SIGKILL');
    await ended(other);
    await s.assertUnused(device, context());
    await s.disconnect(a, context());
    expect(loopsOf(a.path)).toEqual([]);
    await s.unmount(target, {}, context());
    expect(existsSync(target)).toBe(false);
  });

  it('S4: an orphan mkfs.btrfs passes the exclusive open; the lock that it inherited is what guards', async () => {
    const b = bench(cleanup);
    const a = image(b.dir, 128);
    const s = await b.host.open('v', context());
    cleanup.add(() => s.release());
    const device = await s.connect(a, { readonly: false }, context());
    const lock = findLockFd(join(b.config.stateDir, 'locks'));
    const mkfs = spawn('mkfs.btrfs', ['-q', '--', device.path], { stdio: ['ignore', 'ignore', 'ignore', lock] });
    cleanup.add(async () => {
      mkfs.kill('SIGKILL');
      await ended(mkfs);
    });
    await until(() => hasOpen(mkfs.pid ?? 0, device.path));
    mkfs.kill('SIGSTOP'); // in the middle of its work
    await s.assertUnused(device, context());
    await s.release();
    const e = await failure(b.host.open('v', context(100)));
    expect(e.code).toBe('busy');
    mkfs.kill('SIGCONT');
    await ended(mkfs);
    await (await b.host.open('v', context(500))).release();
  });

  it('S7: 64 connects at once of 64 images, and no device is left after release', async () => {
    const b = bench(cleanup);
    const images = Array.from({ length: 64 }, () => image(b.dir, 1));
    const sessions = await Promise.all(
      images.map(async (a, i) => {
        const s = await b.host.open(`v${i}`, context());
        return { s, device: await s.connect(a, { readonly: false }, context()) };
      }),
    );
    expect(new Set(sessions.map(({ device }) => device.devno)).size).toBe(64);
    for (const [i, { device }] of sessions.entries()) {
      const { dev, ino } = statSync(images[i]?.path ?? '', { bigint: true });
      expect(device.backing).toEqual({ dev: String(dev), ino: String(ino) });
    }
    await Promise.all(sessions.map(({ s }) => s.release()));
    expect(images.flatMap((a) => loopsOf(a.path))).toEqual([]);
  });

  it('S7: one device per inode, whatever path leads to it; direct I/O is read back', async () => {
    const b = bench(cleanup);
    const a = image(b.dir, 4);
    symlinkSync(b.dir, `${b.dir}/again`);
    const s = await b.host.open('v', context());
    cleanup.add(() => s.release());
    const one = await s.connect(a, { readonly: false }, context());
    const two = await s.connect(
      { ...a, path: a.path.replace(b.dir, `${b.dir}/again`) },
      { readonly: false },
      context(),
    );
    expect([two.devno, one.fresh, two.fresh]).toEqual([one.devno, true, false]);
    const dio = readFileSync(`/sys/block/${one.path.slice(5)}/loop/dio`, 'utf8').trim() === '1';
    expect(one.directIo).toBe(dio);
  });

  it('S7: a second loop device of one image, made by somebody else, is refused', async () => {
    const b = bench(cleanup);
    const a = image(b.dir, 4);
    const fd = openSync(a.path, 'r+');
    const loops = [loopAttach(fd), loopAttach(fd)];
    closeSync(fd);
    cleanup.add(() => loops.map((l) => closeSync(l.fd)));
    const s = await b.host.open('v', context());
    cleanup.add(() => s.release());
    expect((await failure(s.connect(a, { readonly: false }, context()))).code).toBe('in_use');
  });

  it('S7: losetup -d of a mounted device answers 0 and proves nothing; disconnect says so', async () => {
    const b = bench(cleanup);
    const a = image(b.dir, 16, EXT4_IMAGE);
    const s = await b.host.open('v', context());
    cleanup.add(() => s.release());
    const device = await s.connect(a, { readonly: false }, context());
    const target = join(b.mountRoot, 'v');
    await s.mount(device, spec(target), context());
    cleanup.add(() => s.unmount(target, {}, context()));
    execFileSync('losetup', ['-d', device.path]);
    expect((await failure(s.disconnect(a, context()))).code).toBe('in_use');
    await s.unmount(target, {}, context());
    await s.disconnect(a, context());
    expect(loopsOf(a.path)).toEqual([]);
  });

  it('S7: a read-only device takes no write, and its image is opened for reading only', async () => {
    const b = bench(cleanup);
    const a = image(b.dir, 16, EXT4_IMAGE);
    const s = await b.host.open('v', context());
    cleanup.add(() => s.release());
    const device = await s.connect(a, { readonly: true }, context());
    expect(device.readonly).toBe(true);
    await s.assertUnused(device, context());
    const target = join(b.mountRoot, 'v');
    const m = await s.mount(device, spec(target, { readonly: true, makeSubdir: false, subdir: '/' }), context());
    cleanup.add(() => s.unmount(target, {}, context()));
    expect(m.readonly).toBe(true);
    await s.unmount(target, {}, context());
    const writable = await s.connect(a, { readonly: false }, context());
    expect([writable.readonly, writable.fresh]).toEqual([false, true]);
  });

  it('S7: an image that was replaced after it was attached is refused', async () => {
    const b = bench(cleanup);
    const a = image(b.dir, 4);
    const { dev, ino } = statSync(a.path, { bigint: true });
    const s = await b.host.open('v', context());
    cleanup.add(() => s.release());
    const stale = { ...a, inode: { dev: String(dev), ino: String(ino + 1n) } };
    expect((await failure(s.connect(stale, { readonly: false }, context()))).code).toBe('unavailable');
    expect(loopsOf(a.path)).toEqual([]);
  });
});

suite('S16, S20, S22: mounts', { root: true, loop: true, programs: EXT4 }, () => {
  async function mounted(more = {}) {
    const b = bench(cleanup, more);
    const a = image(b.dir, 16, EXT4_IMAGE);
    const s = await b.host.open('v', context());
    cleanup.add(() => s.release());
    const device = await s.connect(a, { readonly: false }, context());
    const target = join(b.mountRoot, 'v');
    await s.mount(device, spec(target), context());
    cleanup.add(() => s.unmount(target, {}, context()));
    return { b, s, a, target, device };
  }

  it('S16: a frozen file system is thawed by the unmount, not left behind', async () => {
    const { s, a, target } = await mounted();
    execFileSync('fsfreeze', ['--freeze', target]);
    await s.unmount(target, {}, context());
    await s.disconnect(a, context());
    expect(loopsOf(a.path)).toEqual([]);
  });

  it('S16: one that somebody unmounted frozen is found, thawed and freed', async () => {
    const { s, a, target, device } = await mounted();
    execFileSync('fsfreeze', ['--freeze', target]);
    execFileSync('umount', [target]);
    await s.assertUnused(device, context());
    await s.disconnect(a, context());
    expect(loopsOf(a.path)).toEqual([]);
  });

  it('S20: a link in place of the sub-directory is refused, and what it points to is not touched', async () => {
    const { b, s, target, device } = await mounted();
    const outside = join(b.dir, 'outside');
    mkdirSync(outside, { mode: 0o755 });
    rmSync(join(target, 'data'), { recursive: true });
    symlinkSync(outside, join(target, 'data'));
    const again = s.mount(device, spec(target, { owner: { mode: 0o777, uid: 1234 } }), context());
    expect(await failure(again)).toMatchObject({ code: 'denied', details: { rule: 'S20' } });
    await s.unmount(target, {}, context());
    expect((await failure(s.mount(device, spec(target), context()))).code).toBe('denied');
    expect(statSync(outside)).toMatchObject({ uid: 0, mode: 0o40755 });
    expect(mountTable()).not.toContain(target);
    expect(existsSync(target)).toBe(false);
  });

  it('S20: a link at the target is not mounted over', async () => {
    const { b, s, target, device } = await mounted();
    await s.unmount(target, {}, context());
    symlinkSync(b.dir, target);
    expect((await failure(s.mount(device, spec(target), context()))).code).toBe('denied');
    rmSync(target);
  });

  it('S20: nosuid, nodev; root 0711; writes cannot land beneath while nothing is mounted', async () => {
    const { b, s, target } = await mounted();
    expect(mountTable()).toMatch(new RegExp(`${target} rw,nosuid,nodev`));
    expect(statSync(b.mountRoot).mode & 0o777).toBe(0o711);
    execFileSync('umount', [target]);
    expect(() => writeFileSync(join(target, 'x'), 'x')).toThrow(/EPERM/);
    await s.unmount(target, {}, context());
    expect(existsSync(target)).toBe(false);
    closeFd(makeMountpoint(target));
    expect(() => writeFileSync(join(target, 'x'), 'x')).toThrow(/EPERM/);
    removeMountpoint(target);
    expect(existsSync(target)).toBe(false);
  });

  it('S20: a mount that its consumers do not see is taken back', async () => {
    const other = await namespace();
    const b = bench(cleanup, { mountNamespace: `/proc/${other.pid}` });
    const a = image(b.dir, 16, EXT4_IMAGE);
    const s = await b.host.open('v', context());
    cleanup.add(() => s.release());
    const device = await s.connect(a, { readonly: false }, context());
    const target = join(b.mountRoot, 'v');
    const e = await failure(s.mount(device, spec(target), context()));
    expect(e.code).toBe('unavailable');
    expect(e.message).toContain('not visible');
    expect(mountTable()).not.toContain(target);
    expect(existsSync(target)).toBe(false);
  });

  it.each([true, false])(
    'S20: where an engine translates paths, a copy of the mount elsewhere counts (translated: %s)',
    async (pathsTranslated) => {
      const dir = cleanup.tempDir('rexray-peers-');
      const [root, there] = [join(dir, 'volumes'), join(dir, 'there')];
      mkdirSync(root);
      mkdirSync(there);
      execFileSync('mount', ['--bind', '--make-shared', root, root]);
      cleanup.add(() => execFileSync('umount', [root]));
      const other = await namespace(['unchanged', `mount --rbind ${root} ${there} && umount ${root}`]);
      const b = bench(cleanup, { mountNamespace: `/proc/${other.pid}`, pathsTranslated });
      const s = await b.host.open('v', context());
      cleanup.add(() => s.release());
      const device = await s.connect(image(b.dir, 16, EXT4_IMAGE), { readonly: false }, context());
      const mount = s.mount(device, spec(join(root, 'v')), context());
      if (!pathsTranslated) {
        expect((await failure(mount)).message).toContain('not visible');
        return;
      }
      expect((await mount).path).toBe(join(root, 'v/data'));
      expect(readFileSync(`/proc/${other.pid}/mountinfo`, 'utf8')).toContain(` ${there}/v `);
      await s.unmount(join(root, 'v'), {}, context());
      expect(readFileSync(`/proc/${other.pid}/mountinfo`, 'utf8')).not.toContain(` ${there}/v `);
    },
  );

  it('the sub-directory is made once, with its owner; the root of a new file system is emptied for engines', async () => {
    const { s, target, device } = await mounted();
    expect(statSync(join(target, 'data'))).toMatchObject({ uid: 0, mode: 0o40700 });
    expect(existsSync(join(target, 'lost+found'))).toBe(true);
    await s.unmount(target, {}, context());
    await s.mount(device, spec(target, { subdir: '/a/b', owner: { uid: 12, gid: 34, mode: 0o750 } }), context());
    expect(statSync(join(target, 'a/b'))).toMatchObject({ uid: 12, gid: 34, mode: 0o40750 });
    await s.unmount(target, {}, context());
    await s.mount(device, spec(target, { subdir: '/a/b', owner: { uid: 99 } }), context());
    expect(statSync(join(target, 'a/b')).uid).toBe(12);
    expect(existsSync(join(target, 'lost+found'))).toBe(true);
  });

  it('a new file system mounted at its root has no lost+found', async () => {
    const b = bench(cleanup);
    const a = image(b.dir, 16, EXT4_IMAGE);
    const s = await b.host.open('v', context());
    cleanup.add(() => s.release());
    const device = await s.connect(a, { readonly: false }, context());
    const target = join(b.mountRoot, 'v');
    await s.mount(device, spec(target, { subdir: '/', owner: { uid: 5 } }), context());
    cleanup.add(() => s.unmount(target, {}, context()));
    expect(existsSync(join(target, 'lost+found'))).toBe(false);
    expect(statSync(target).uid).toBe(5);
  });

  it('names with blanks, tabs, backslashes and other letters are mounted and found again', async () => {
    const { s, device, target } = await mounted();
    await s.unmount(target, {}, context());
    for (const name of ['with blank', 'tab\tin', 'back\\slash', 'new\nline', 'ünï-😀', '#hash', '-rf']) {
      const odd = join(target.slice(0, -2), name);
      const m = await s.mount(device, spec(odd), context());
      expect(m.path).toBe(join(odd, 'data'));
      expect((await s.mounted(odd, context()))?.mountId).toBe(m.mountId);
      await s.unmount(odd, { expectDevno: m.devno }, context());
      expect(existsSync(odd)).toBe(false);
    }
  });

  it('a busy unmount names the process, and works when it has ended', async () => {
    const { s, target } = await mounted();
    const user = await opener(join(target, 'data'));
    cleanup.add(() => killQuietly(user.pid));
    const e = await failure(s.unmount(target, {}, context()));
    expect(e.code).toBe('in_use');
    expect(e.message).toContain(`pid ${user.pid} (sleep)`);
    user.kill('SIGKILL');
    await ended(user);
    await s.unmount(target, {}, context());
  });

  it('S11: kill shuts the file system down before it is unmounted', async () => {
    const { s, a, target } = await mounted();
    writeFileSync(join(target, 'data', 'dirty'), Buffer.alloc(1 << 20, 1));
    const user = await opener(join(target, 'data'));
    cleanup.add(() => killQuietly(user.pid));
    expect((await failure(s.unmount(target, { kill: true }, context()))).code).toBe('in_use');
    expect(() => writeFileSync(join(target, 'data', 'more'), 'x')).toThrow(/EIO/);
    user.kill('SIGKILL');
    await ended(user);
    await s.unmount(target, { kill: true }, context());
    await s.disconnect(a, context());
    expect(existsSync(target)).toBe(false);
  });

  it('S22: files are used only below the allowed roots, plain and with one name', async () => {
    const b = bench(cleanup);
    const roots = join(b.dir, 'allowed');
    mkdirSync(roots);
    const limited = bench(cleanup, { allowRoots: [roots] });
    const good = image(roots, 1);
    const outside = image(b.dir, 1);
    symlinkSync(outside.path, join(roots, 'link.img'));
    symlinkSync(b.dir, join(roots, 'dir'));
    const twice = image(roots, 1);
    linkSync(twice.path, join(roots, 'second.img'));
    execFileSync('mkfifo', [join(roots, 'fifo')]);
    const s = await limited.host.open('v', context());
    cleanup.add(() => s.release());
    const tried = async (path: string): Promise<string> =>
      (await failure(s.connect({ kind: 'file', path }, { readonly: false }, context()))).code;
    await s.connect(good, { readonly: false }, context());
    expect(await tried(outside.path)).toBe('denied');
    expect(await tried(join(roots, 'link.img'))).toBe('denied');
    expect(await tried(outside.path.replace(b.dir, join(roots, 'dir')))).toBe('denied');
    expect(await tried(twice.path)).toBe('denied');
    expect(await tried(join(roots, 'fifo'))).toBe('denied');
    expect(await tried(`${roots}/../x`)).toBe('invalid');
    expect((await failure(s.connect({ kind: 'dir', path: '/etc' }, { readonly: false }, context()))).code).toBe(
      'denied',
    );
  });
});

suite('other runtimes', { root: true, loop: true, programs: EXT4 }, () => {
  it.each(RUNTIMES.filter((r) => r.unbuilt))('$name runs the whole life of a volume from sources', (runtime) => {
    const b = bench(cleanup);
    const a = image(b.dir, 16);
    const cycle = fileURLToPath(new URL('./fixtures/cycle.ts', import.meta.url));
    const args = [...runtime.args(['@rexray/source']), cycle, b.config.stateDir, a.path, join(b.mountRoot, 'v')];
    const said: unknown = JSON.parse(execFileSync(runtime.program, args, { encoding: 'utf8' }));
    expect(said).toEqual({ verdict: 'blank', held: true, refused: 'in_use', clean: true, text: 'kept' });
    expect(loopsOf(a.path)).toEqual([]);
  });
});

suite('many at once', { root: true, loop: true, programs: EXT4 }, () => {
  it('32 volumes mounted and unmounted at once, four times: each with its own content, nothing left', async () => {
    const b = bench(cleanup);
    const base = image(b.dir, 8, EXT4_IMAGE);
    const all = Array.from({ length: 32 }, (_, i) => {
      const path = join(b.dir, `v${i}.img`);
      execFileSync('cp', ['--sparse=always', base.path, path]);
      return { key: `v${i}`, a: { kind: 'file', path } as const, target: join(b.mountRoot, `v${i}`) };
    });
    const round = async ({ key, a, target }: (typeof all)[number], n: number): Promise<void> => {
      const s = await b.host.open(key, context(60_000));
      const device = await s.connect(a, { readonly: false }, context());
      await s.assertUnused(device, context());
      const m = await s.mount(device, spec(target), context());
      if (n > 0) expect(readFileSync(join(m.path, 'me'), 'utf8')).toBe(`${key} ${n - 1}`);
      writeFileSync(join(m.path, 'me'), `${key} ${n}`);
      await s.release();
      const s2 = await b.host.open(key, context(60_000));
      await s2.unmount(target, { expectDevno: m.devno }, context());
      await s2.disconnect(a, context());
      await s2.release();
      expect(existsSync(target)).toBe(false);
    };
    for (let n = 0; n < 4; n++) await Promise.all(all.map((v) => round(v, n)));
    expect(all.flatMap(({ a }) => loopsOf(a.path))).toEqual([]);
    expect(mountTable()).not.toContain(b.mountRoot);
  });
});

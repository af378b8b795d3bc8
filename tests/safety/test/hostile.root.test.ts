import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Attachment, type FsType, isVolumeError, type StorageDriver } from '@rexray/core';
import localDir from '@rexray/driver-local-dir';
import localLoop, { LocalLoopDriver } from '@rexray/driver-local-loop';
import { BTRFS, Cleanup, EXT4, suite, XFS } from '@rexray/rig';
import { openRexray } from '@rexray/runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { leaks, loopsBelow, mountsBelow } from '../src/audit.ts';
import { imagesOf, openPlace, type Place } from '../src/open.ts';
import { Programs } from '../src/programs.ts';
import { SIZE } from '../src/scenarios.ts';
import { put, takeOff } from './kills.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const run = (file: string, ...args: string[]): string =>
  execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const hash = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
const codeOf = (p: Promise<unknown>): Promise<string> =>
  p.then(
    () => 'ok',
    (e: unknown) => (isVolumeError(e) ? e.code : `bug: ${String((e as Error).stack)}`),
  );
async function place(): Promise<Place> {
  const home = cleanup.tempDir('rexray-hostile-');
  cleanup.add(() => takeOff(home));
  const p = await openPlace({ home });
  cleanup.add(() => p.rex.close());
  return p;
}
/** A disk that does not come is waited for as long as this, in ms. */
const LIE_MS = 5_000;
const REFUSED = ['denied', 'invalid', 'unavailable', 'in_use', 'data_loss', 'unsupported'];

suite('hostile input', {
  root: true,
  loop: true,
  programs: { ...EXT4, ...XFS, ...BTRFS, debugfs: 'e2fsprogs' },
}, () => {
  it('S20: a directory that is swapped for a link while it is being mounted: nothing outside is touched', async () => {
    const home = cleanup.tempDir('rexray-swap-');
    cleanup.add(() => takeOff(home));
    const outside = cleanup.tempDir('rexray-outside-');
    chmodSync(outside, 0o755);
    writeFileSync(join(outside, 'precious'), 'kept');
    const before = statSync(outside, { bigint: true });
    const root = join(home, 'dirs');
    const rex = await openRexray({
      home,
      node: { mountNamespace: '/proc/self' },
      services: { dirs: localDir({ volumePath: root }) },
      watch: false,
      leaveWatcher: () => false,
    });
    cleanup.add(() => rex.close());
    const s = rex.service('dirs').integration;
    await s.create('v', { owner: { uid: 1234, mode: 0o750 } });
    const m = await s.mount('v', { holder: 'cli', subdir: '/inner' });
    await s.unmount('v', { holder: 'cli' });
    const dir = join(root, 'v');
    // What a task may do that owns the directory: as fast as it can, and for as long as it is mounted.
    const script = `cd '${dir}' || exit 1; while :; do mv inner was; ln -s '${outside}' inner; rm inner; mv was inner; done 2>/dev/null`;
    const swapper = spawn('sh', ['-c', script], { stdio: 'ignore' });
    const ended = new Promise((resolve) => swapper.once('exit', resolve));
    cleanup.add(async () => {
      swapper.kill('SIGKILL');
      await ended;
    });
    const seen: Record<string, number> = {};
    for (let i = 0; i < 40; i++) {
      const code = await codeOf(s.mount('v', { holder: 'cli', subdir: '/inner' }));
      seen[code] = (seen[code] ?? 0) + 1;
      await s.unmount('v', { holder: 'cli', all: true });
    }
    expect(Object.keys(seen).filter((c) => c.startsWith('bug'))).toEqual([]);
    const after = statSync(outside, { bigint: true });
    expect([after.mode, after.uid, after.gid, after.ctimeNs]).toEqual([
      before.mode,
      before.uid,
      before.gid,
      before.ctimeNs,
    ]);
    expect(readdirSync(outside)).toEqual(['precious']);
    expect(mountsBelow(home)).toEqual([]);
    expect(m.path).toContain('inner');
  });

  it('names: refused or taken as they are; nothing appears beside the volumes', async () => {
    const p = await place();
    const hostile = [
      ...[
        '',
        '.',
        '..',
        '../x',
        '../../etc/x',
        'a/b',
        '/etc',
        'a\0b',
        'a\nb',
        '-rf',
        '--help',
        '$(touch x)',
        '`id`',
        '%2e%2e',
      ],
      ...[
        'a;b',
        'x'.repeat(300),
        '.tmp',
        '.trash',
        '.snapshots',
        '.rexray-root',
        'ä',
        '💾',
        'a b',
        'CON',
        'claim.1',
        'image',
      ],
      ...['__proto__', 'constructor', 'toString'],
    ];
    const around = readdirSync(p.home).sort();
    const kept: string[] = [];
    for (const name of hostile) {
      const code = await codeOf(p.volumes.create(name, { size: '32MiB' }));
      expect(['ok', 'invalid'], JSON.stringify(name)).toContain(code);
      if (code === 'ok') {
        const m = await p.volumes.mount(name, { holder: 'cli' });
        expect(m.root.startsWith(`${p.home}/var/lib/volumes/`), m.root).toBe(true);
        await p.volumes.unmount(name, { holder: 'cli' });
        await p.volumes.remove(name);
        kept.push(name);
      }
      for (const verb of ['mount', 'unmount', 'remove', 'get', 'attach', 'detach'] as const) {
        const o = { holder: 'cli' as const };
        const said = await codeOf((p.volumes[verb] as (n: string, o: object) => Promise<unknown>)(name, o));
        expect(['ok', 'invalid', 'not_found'], `${verb} ${JSON.stringify(name)}`).toContain(said);
      }
      expect(['ok', 'invalid', 'not_found']).toContain(await codeOf(p.volumes.snapshots.create('none', name)));
    }
    expect(readdirSync(p.home).sort()).toEqual(around);
    expect((await p.volumes.list()).items).toEqual([]);
    expect(await leaks(p)).toEqual([]);
    expect(kept.length).toBeGreaterThan(0);
  });

  it('S21: options: nothing reaches mkfs or mount that is not in the tables', async () => {
    const p = await place();
    const outside = cleanup.tempDir('rexray-outside-');
    const bad: readonly object[] = [
      { mkfs: { d: outside } },
      { mkfs: { l: `logdev=${outside}/log` } },
      { mkfs: { label: '-d /etc' } },
      { mkfs: { label: 'x\ny' } },
      { mkfs: { E: 'discard' } },
      { fsType: 'vfat' },
      { fsType: 'ext4; touch x' },
      { fsType: '../../ext4' },
      { mountOptions: ['suid'] },
      { mountOptions: ['dev'] },
      { mountOptions: ['logdev=/dev/null'] },
      { mountOptions: ['noatime,suid'] },
      { mountOptions: ['data=writeback,journal_path=/dev/null'] },
      { mountOptions: ['x'.repeat(5000)] },
      { owner: { uid: -1 } },
    ];
    for (const o of bad) {
      const code = await codeOf(p.volumes.create('bad', { size: '32MiB', ...o } as never));
      expect(REFUSED, JSON.stringify(o)).toContain(code);
    }
    await p.volumes.create('v', { size: '32MiB' });
    for (const o of [
      { subdir: '../..' },
      { subdir: '/../etc' },
      { mountOptions: ['suid'] },
      { subdir: 'a\0b' },
      { subdir: 'x/../../..' },
    ])
      expect(REFUSED, JSON.stringify(o)).toContain(await codeOf(p.volumes.mount('v', { holder: 'cli', ...o })));
    expect(readdirSync(outside)).toEqual([]);
    expect(await leaks(p)).toEqual([]);
  });

  it('S20: a volume whose root holds links and odd files in place of its directory', async () => {
    const p = await place();
    const outside = cleanup.tempDir('rexray-outside-');
    chmodSync(outside, 0o755);
    await put(p.volumes, await fresh(p, 'v'), 'hello', 'kept');
    const m = await p.volumes.mount('v', { holder: 'cli' });
    for (const make of [
      () => symlinkSync(outside, join(m.root, 'data')),
      () => symlinkSync('../../../../../../..', join(m.root, 'data')),
      () => symlinkSync('data', join(m.root, 'data')),
      () => run('mkfifo', join(m.root, 'data')),
      () => run('mknod', join(m.root, 'data'), 'b', '7', '0'),
      () => writeFileSync(join(m.root, 'data'), 'a file'),
    ]) {
      if (existsSync(join(m.root, 'data')) && !existsSync(join(m.root, 'was')))
        renameSync(join(m.root, 'data'), join(m.root, 'was'));
      rmSync(join(m.root, 'data'), { force: true });
      make();
      const raw = join(p.home, 'raw');
      // The first mount goes; the next finds what the task left.
      await p.volumes.unmount('v', { holder: 'cli', all: true });
      expect(REFUSED).toContain(await codeOf(p.volumes.mount('v', { holder: 'cli' })));
      expect(mountsBelow(p.home)).toEqual([]);
      mkdirSync(raw, { recursive: true });
      run('mount', '-o', 'loop', join(imagesOf(p.home), 'v/image'), raw);
      rmSync(join(raw, 'data'), { force: true });
      renameSync(join(raw, 'was'), join(raw, 'data'));
      run('umount', raw);
      await p.volumes.mount('v', { holder: 'cli' });
    }
    expect(readFileSync(join(m.path, 'hello'), 'utf8')).toBe('kept');
    await p.volumes.unmount('v', { holder: 'cli', all: true });
    expect(statSync(outside).mode & 0o777).toBe(0o755);
    expect(await leaks(p)).toEqual([]);
  });

  async function fresh(p: Place, name: string, fsType: FsType = 'ext4'): Promise<string> {
    await p.volumes.create(name, { size: SIZE[fsType], fsType });
    return name;
  }

  describe('S22: a storage that lies about where a volume is', () => {
    const secret = (dir: string): string => {
      const file = join(dir, 'secret.img');
      run('truncate', '-s', '32M', file);
      run('mkfs.ext4', '-q', file);
      return file;
    };
    const LIES: Readonly<Record<string, (dir: string) => Attachment>> = {
      'a file outside its own place': (dir) => ({ kind: 'file', path: secret(dir) }),
      'a link to it': (dir) => {
        const file = secret(dir);
        symlinkSync(file, join(dir, 'link'));
        return { kind: 'file', path: join(dir, 'link') };
      },
      'a second name of it': (dir) => {
        const file = secret(dir);
        linkSync(file, join(dir, 'second'));
        return { kind: 'file', path: join(dir, 'second') };
      },
      'a device of this machine': () => ({ kind: 'file', path: '/dev/null' }),
      'a path through the parent': (dir) => ({ kind: 'file', path: `${dir}/../${dir.split('/').at(-1)}/secret.img` }),
      'a disk that does not exist': () => ({ kind: 'disk', match: { serial: 'no such disk' } }),
      'a disk that is in use': (dir) => {
        const file = secret(dir);
        const device = run('losetup', '--find', '--show', file).trim();
        cleanup.add(() => run('losetup', '--detach', device));
        mkdirSync(join(dir, 'used'));
        run('mount', device, join(dir, 'used'));
        cleanup.add(() => run('umount', join(dir, 'used')));
        return { kind: 'disk', match: { path: device } };
      },
      'a directory of the system': () => ({ kind: 'dir', path: '/etc' }),
      'a share whose source is an option': () => ({ kind: 'share', fsType: 'nfs', source: '-o exec', options: [] }),
    };

    it.each(Object.entries(LIES))('%s: refused, and not a byte of it changed', async (_what, lie) => {
      const home = cleanup.tempDir('rexray-lied-');
      cleanup.add(() => takeOff(home));
      const theirs = cleanup.tempDir('rexray-theirs-');
      const told = lie(theirs);
      const service = localLoop({ volumePath: imagesOf(home) });
      class Liar extends LocalLoopDriver {
        override async attach(...args: Parameters<LocalLoopDriver['attach']>): Promise<Attachment> {
          await super.attach(...args);
          return told;
        }
      }
      const plugin = { ...service.plugin, driver: Liar as unknown as new () => StorageDriver<unknown> };
      const rex = await openRexray({
        home,
        node: { mountNamespace: '/proc/self' },
        services: { loop: { ...service, plugin } as typeof service },
        watch: false,
        leaveWatcher: () => false,
      });
      cleanup.add(() => rex.close());
      const s = rex.service('loop').integration;
      await s.create('v', { size: '32MiB', overwriteFs: true });
      const file = join(theirs, 'secret.img');
      const before = existsSync(file) ? hash(file) : '';
      expect(REFUSED).toContain(await codeOf(s.mount('v', { holder: 'cli', timeoutMs: LIE_MS })));
      expect(REFUSED).toContain(await codeOf(s.mount('v', { holder: 'cli', timeoutMs: LIE_MS })));
      expect(existsSync(file) ? hash(file) : '').toBe(before);
      expect([...mountsBelow(home), ...loopsBelow(home)]).toEqual([]);
      expect((await s.get('v')).format).toBe('blank');
    });
  });

  const CLAIMS: Readonly<Record<string, readonly [FsType, (image: string) => void]>> = {
    'an ext4 that says it has twice the blocks': [
      'ext4',
      (f) => void run('debugfs', '-w', '-R', 'ssv blocks_count 16384', f),
    ],
    'an ext4 that says it has none': ['ext4', (f) => void run('debugfs', '-w', '-R', 'ssv blocks_count 0', f)],
    'an ext4 of which a half is gone': ['ext4', (f) => truncateSync(f, 16 * 2 ** 20)],
    'an xfs that says it is larger': [
      'xfs',
      (f) => void run('xfs_db', '-x', '-c', 'sb 0', '-c', 'write -d dblocks 1000000', f),
    ],
    'an xfs of which a half is gone': ['xfs', (f) => truncateSync(f, 152 * 2 ** 20)],
    'a btrfs of which a half is gone': ['btrfs', (f) => truncateSync(f, 64 * 2 ** 20)],
  };
  it.each(Object.entries(CLAIMS))('%s: refused, and left as it is', async (_what, [fsType, forge]) => {
    const p = await place();
    await put(p.volumes, await fresh(p, 'v', fsType), 'hello', 'kept');
    const image = join(imagesOf(p.home), 'v/image');
    forge(image);
    const before = hash(image);
    const code = await codeOf(p.volumes.mount('v', { holder: 'cli' }));
    expect(REFUSED).toContain(code);
    expect(hash(image)).toBe(before);
    expect((await p.volumes.get('v')).format).toBe('formatted');
    expect([...mountsBelow(p.home), ...loopsBelow(p.home)]).toEqual([]);
  });

  it('S23: what stands in the environment and in the working directory decides nothing', async () => {
    const home = cleanup.tempDir('rexray-environment-');
    cleanup.add(() => takeOff(home));
    const p = new Programs(cleanup, home, join(home, 'compiled'));
    const evil = cleanup.tempDir('rexray-evil-');
    const marker = join(evil, 'executed');
    writeFileSync(
      join(evil, 'mke2fs.conf'),
      '[defaults]\n blocksize = 1024\n[fs_types]\n ext4 = {\n blocksize = 1024\n }\n',
    );
    for (const name of ['rexray.config.js', 'rexray.config.ts', 'node_modules/@rexray/driver-evil/index.js']) {
      mkdirSync(join(evil, name, '..'), { recursive: true });
      writeFileSync(
        join(evil, name),
        `import{writeFileSync}from'node:fs';writeFileSync(${JSON.stringify(marker)},'');`,
      );
    }
    const env = { MKE2FS_CONFIG: join(evil, 'mke2fs.conf'), BLKID_FILE: join(evil, 'blkid'), XFS_LOG: '1' };
    const ran = p.run('dvdcli', ['mount', '--volumedriver=rexray', '--volumename=v', '--volumeopts=size=1'], {
      env,
      cwd: evil,
    });
    expect([await ran.ended, ran.err]).toEqual([0, '']);
    const root = mountsBelow(home)[0] ?? '';
    // Of a volume of 1 GiB the program's own default is 4 KiB; the planted file says 1 KiB.
    expect(run('stat', '-f', '-c', '%S', root).trim()).toBe('4096');
    expect(existsSync(marker)).toBe(false);
    expect(existsSync(join(evil, 'blkid'))).toBe(false);
  });

  it('sockets and state are for root alone', async () => {
    const home = cleanup.tempDir('rexray-sockets-');
    chmodSync(home, 0o755);
    const p = new Programs(cleanup, home, join(home, 'compiled'));
    await p.daemon();
    const others = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs'] as const;
    const connect = (socket: string): string =>
      `const s=require('node:net').connect(${JSON.stringify(socket)});s.on('connect',()=>{console.log('in');process.exit()});s.on('error',(e)=>{console.log(e.code);process.exit()})`;
    for (const socket of ['var/run/rexray.sock', 'plugins/rexray.sock']) {
      expect(statSync(join(home, socket)).mode & 0o077, socket).toBe(0);
      chmodSync(join(home, 'plugins'), 0o755);
      const [program, ...args] = others;
      expect(run(program, ...args, process.execPath, '-e', connect(join(home, socket))).trim(), socket).toBe('EACCES');
    }
    for (const dir of ['var/lib/state', 'var/lib/state/locks', 'images']) {
      const there = join(home, dir);
      if (existsSync(there)) expect(statSync(there).mode & 0o077, dir).toBe(0);
    }
  });
});

import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type HostDriver, type Integration, silentLogger } from '@rexray/core';
import { LinuxHost } from '@rexray/host-linux';
import { Cleanup, EXT4, loopsBelow, suite } from '@rexray/rig';
import { openRexray } from '@rexray/runtime';
import { afterEach, beforeEach, expect, it } from 'vitest';
import remote from '../src/index.ts';
import { LyingServer } from './lying-server.ts';

const MIB = 2 ** 20;
const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();

// S22: a server cannot aim an agent. Each time: what it says, what the agent answers, and that nothing was touched.
suite('S22: a server that lies', { root: true, loop: true, programs: EXT4 }, () => {
  let cleanup: Cleanup;
  let server: LyingServer;
  let dir: string;
  let allowed: string;
  beforeEach(async () => {
    cleanup = new Cleanup();
    dir = cleanup.tempDir('rexray-lying-');
    allowed = join(dir, 'allowed');
    mkdirSync(allowed);
    server = await LyingServer.start(cleanup);
  });
  afterEach(async () => {
    await cleanup.run();
    expect(loopsBelow(dir)).toEqual([]);
  });

  async function agent(allowRoots: readonly string[] = [allowed], host?: HostDriver): Promise<Integration> {
    const rex = await openRexray({
      home: join(dir, 'home'),
      node: { mountNamespace: '/proc/self' },
      allowRoots,
      ...(host !== undefined && { host }),
      services: { liar: remote({ host: server.host, service: 's' }) },
    });
    cleanup.add(() => rex.close());
    const { integration } = rex.service('liar');
    // What a failed test let it mount.
    cleanup.add(() => integration.unmount('victim', { holder: 'cli', timeoutMs: 10_000 }).catch(() => undefined));
    return integration;
  }

  /** An image of 64 MiB; `content` at its start. */
  function image(name: string, content = '', below = allowed): string {
    const path = join(below, name);
    const bytes = Buffer.alloc(64 * MIB);
    bytes.write(content, 4 * MIB);
    if (content === '') run('truncate', '-s', String(64 * MIB), path);
    else writeFileSync(path, bytes);
    return path;
  }
  function ext4(name: string): { path: string; uuid: string } {
    const path = image(name);
    run('mkfs.ext4', '-q', '-F', path);
    return { path, uuid: run('blkid', '-o', 'value', '-s', 'UUID', '-p', path) };
  }
  const mount = async (i: Integration): Promise<unknown> =>
    i.mount('victim', { holder: 'cli', timeoutMs: 30_000 }).then(
      (m) => m,
      (e: unknown) => e,
    );
  const refused = async (path: string, i: Integration, rule = 'S22'): Promise<void> => {
    const before = readFileSync(path);
    expect(await mount(i)).toMatchObject({ code: 'denied', details: { rule } });
    expect(readFileSync(path).equals(before)).toBe(true);
  };

  it('a file outside the allowed directories', async () => {
    const path = image('outside.img', 'precious', dir);
    server.attachment = { kind: 'file', path };
    await refused(path, await agent());
  });

  it('any file, where no directory is allowed; nothing that the server adds changes that', async () => {
    const path = image('inside.img', 'precious');
    server.attachment = { kind: 'file', path, elsewhere: false, inode: { dev: '1', ino: '1' } };
    await refused(path, await agent([]));
  });

  it('a symbolic link to a file outside, also as a directory on the way', async () => {
    const outside = join(dir, 'elsewhere');
    mkdirSync(outside);
    const path = image('victim.img', 'precious', outside);
    const i = await agent();
    symlinkSync(path, join(allowed, 'link.img'));
    server.attachment = { kind: 'file', path: join(allowed, 'link.img') };
    await refused(path, i);
    symlinkSync(outside, join(allowed, 'way'));
    server.attachment = { kind: 'file', path: join(allowed, 'way', 'victim.img') };
    await refused(path, i);
  });

  it('a file with a second name, and what is no file', async () => {
    const path = image('victim.img', 'precious', dir);
    linkSync(path, join(allowed, 'second.img'));
    const i = await agent();
    server.attachment = { kind: 'file', path: join(allowed, 'second.img') };
    await refused(path, i);
    mkdirSync(join(allowed, 'dir.img'));
    server.attachment = { kind: 'file', path: join(allowed, 'dir.img') };
    expect(await mount(i)).toMatchObject({ code: expect.stringMatching(/denied|invalid|internal/) });
  });

  it('a directory outside the allowed ones', async () => {
    const outside = join(dir, 'etc');
    mkdirSync(outside);
    server.format = { state: 'none' };
    server.attachment = { kind: 'dir', path: outside };
    expect(await mount(await agent())).toMatchObject({ code: 'denied', details: { rule: 'S22' } });
  });

  it('a disk that is mounted elsewhere, one of several that fit, and a match that says nothing', async () => {
    // Two disks as udev names them, over loop devices; one of them is mounted by somebody.
    const byIdDir = join(dir, 'by-id');
    const at = join(dir, 'at');
    for (const d of [byIdDir, at]) mkdirSync(d);
    for (const name of ['one', 'two']) {
      const loop = run('losetup', '--find', '--show', ext4(`${name}.img`).path);
      cleanup.add(() => run('losetup', '-d', loop));
      symlinkSync(loop, join(byIdDir, `ata-DISK_${name}`));
      symlinkSync(loop, join(byIdDir, `ata-${name}_SAME`));
      if (name === 'one') run('mount', loop, at);
    }
    cleanup.add(() => run('umount', at));
    writeFileSync(join(at, 'precious'), 'precious');
    const stateDir = join(dir, 'home/var/lib/state');
    const settings = { stateDir, byIdDir, mountNamespace: '/proc/self', mountRoot: join(dir, 'home/var/lib/volumes') };
    const i = await agent([allowed], new LinuxHost(settings, silentLogger));
    const aim = async (match: object): Promise<unknown> => {
      server.attachment = { kind: 'disk', match };
      return mount(i);
    };
    expect(await aim({ byId: 'ata-DISK_one' })).toMatchObject({ code: 'denied', details: { rule: 'S22' } });
    expect(await aim({ serial: 'SAME' })).toMatchObject({ code: 'denied', details: { rule: 'S22' } });
    expect(await aim({})).toMatchObject({ code: 'invalid' });
    expect(readFileSync(join(at, 'precious'), 'utf8')).toBe('precious');
    expect(server.marks).toEqual([]);
  });

  it('S2: consent to format is not the server’s to give', async () => {
    const path = image('victim.img', 'data without a signature');
    server.format = { state: 'blank', fsType: 'ext4', consent: true };
    server.attachment = { kind: 'file', path };
    await refused(path, await agent(), 'S2');
    expect(server.marks).toEqual([]);
  });

  it('a format that was interrupted elsewhere: what is not blank is not made again', async () => {
    const { path, uuid } = ext4('victim.img');
    const i = await agent();
    server.attachment = { kind: 'file', path };
    const other = '11111111-2222-4333-8444-555555555555';
    server.format = { state: 'formatting', fsType: 'ext4', plannedUuid: other, epoch: 1, wipes: uuid };
    await refused(path, i);
    const data = image('data.img', 'data without a signature');
    server.attachment = { kind: 'file', path: data };
    server.format = { state: 'formatting', fsType: 'ext4', plannedUuid: other, epoch: 1 };
    await refused(data, i);
    expect(server.marks).toEqual([]);
  });

  it('what is proven blank here is formatted, and mounts', async () => {
    server.attachment = { kind: 'file', path: image('new.img') };
    const i = await agent();
    expect(await mount(i)).toMatchObject({ volume: 'victim', fsType: 'ext4' });
    expect(server.marks.map((m) => m.format?.state)).toEqual(['formatting', 'formatted']);
    await i.unmount('victim', { holder: 'cli' });
  });

  it('answers that are none: nothing is done with them', async () => {
    const i = await agent();
    server.attachment = { kind: 'file', path: image('new.img') };
    for (const volume of [{ id: 'v1' }, [], 'victim', { id: 'v1', name: 'victim', record: null }]) {
      server.volume = volume;
      expect(await mount(i)).toMatchObject({ code: 'unavailable', message: expect.stringContaining('is not') });
    }
    server.volume = undefined;
    server.format = { state: 'formatting', fsType: 'ext4', plannedUuid: '-E nodiscard', epoch: 0 };
    expect(await mount(i)).toMatchObject({ code: 'unavailable' });
    server.format = { state: 'blank', fsType: 'ext4' };
    server.attachment = { kind: 'nonsense', path: '/' };
    expect(await mount(i)).toMatchObject({ code: 'unavailable' });
  });
});

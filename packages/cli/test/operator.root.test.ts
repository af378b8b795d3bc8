/** What an operator sees and does: on a terminal, with the daemon and without, on real loop volumes. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Volume } from '@rexray/core';
import { Cleanup, EXT4, mountedFileSystem, suite } from '@rexray/rig';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cells } from '../src/terminal/columns.ts';
import { DaemonProcess, daemon, eventually, Home, services } from './rig.ts';
import { bare, intoClosedPipe, onTerminal, PTY } from './terminal.ts';

const LOOP = { ...services({ loop: { driver: 'local-loop' } }) };

suite('an operator', { root: true, loop: true, programs: { ...EXT4, ...PTY } }, () => {
  describe.each(['in-process', 'daemon'] as const)('on a terminal, %s', (way) => {
    const cleanup = new Cleanup();
    let home: Home;
    beforeAll(async () => {
      home = new Home(cleanup, LOOP);
      if (way === 'daemon') await daemon(cleanup, home);
      await home.rexray('volume', 'create', 'a-volume-with-a-rather-long-name', 'data', '--size', '64MiB');
    });
    afterAll(() => cleanup.run());

    it.each([40, 200])('a table fits %i columns, in colour; without where NO_COLOR is set', async (columns) => {
      const seen = await onTerminal(home, columns, ['volume', 'ls']);
      expect(seen.status).toBe(0);
      expect(seen.text).toContain('\u001b[32mavailable\u001b[39m');
      const lines = bare(seen.text).trimEnd().split('\n');
      expect(lines).toHaveLength(3);
      for (const line of lines) expect(cells(line)).toBeLessThanOrEqual(columns);
      expect(lines.join('').includes('…')).toBe(columns === 40);
      expect(lines[2]).toContain('64 MiB');
      const plain = await onTerminal(home, columns, ['volume', 'ls'], { NO_COLOR: '1' });
      expect(plain.text).toBe(bare(seen.text));
    });

    it('errors are red and name the next step; JSON has no escapes', async () => {
      const no = await onTerminal(home, 80, ['volume', 'inspect', 'dat']);
      expect(no.status).toBe(0);
      const gone = await onTerminal(home, 80, ['volume', 'rm', 'dat']);
      expect(gone.status).toBe(3);
      expect(gone.text).toContain('\u001b[1m\u001b[31merror:');
      expect(bare(gone.text)).toMatch(/^error: not_found: .*\nhint: Did you mean "data"\?\n$/);
      expect((await onTerminal(home, 80, ['volume', 'ls', '-f', 'json'])).text).not.toContain('\u001b');
    });

    it('long work shows how far it is, and leaves no trace of it', async () => {
      await home.rexray('volume', 'create', 'big', '--size', '256MiB');
      const [m] = JSON.parse((await home.rexray('volume', 'mount', 'big', '-f', 'json')).out) as { path: string }[];
      execFileSync('dd', ['if=/dev/urandom', `of=${m?.path}/x`, 'bs=1M', 'count=200', 'conv=fsync'], {
        stdio: 'ignore',
      });
      await home.rexray('volume', 'unmount', 'big');
      const seen = await onTerminal(home, 80, ['volume', 'clone', 'big', 'big2']);
      expect(seen.status).toBe(0);
      const reflinks = !seen.text.includes('[#');
      // Where the file system shares blocks a copy is done at once, and there is nothing to show.
      if (!reflinks) expect(seen.text.replaceAll('\u001b[K', '<')).toMatch(/\r<.*\[#*-*\] {1,3}\d+ % .* of .*\r</);
      expect(bare(seen.text.split('\u001b[K').at(-1) ?? '')).toMatch(
        /^ID +Name +Status +Size\nbig2@\S+ +big2 +available +256 MiB\n$/,
      );
      await home.rexray('volume', 'rm', '/^big/');
    });

    it('a reader that goes away is no error', async () => {
      expect(await intoClosedPipe(home, ['volume', 'ls'])).toEqual({ status: 0, err: '' });
      expect(await intoClosedPipe(home, ['config', 'show', '--all'])).toEqual({ status: 0, err: '' });
    });

    it('REX-Ray’s words and flags: prefixes, /regex/, old flags, templates', async () => {
      const ok = async (...argv: string[]): Promise<string> => {
        const r = await home.rexray(...argv);
        expect(r).toMatchObject({ status: 0, err: '' });
        return r.out;
      };
      await ok('volume', 'create', '--volumename', 'old-1', '--size=64MiB', '--RUNASYNC');
      await ok('volume', 'new', 'old-2', '--size', '64MiB', '--amount');
      expect(await ok('volume', 'get', 'old', '-f', '{{.Name}} {{.Status}}')).toBe('old-1 available\nold-2 mounted\n');
      expect(await ok('volume', 'list', '/OLD-1/', '--template', '{{.Size}}')).toBe('64 MiB\n');
      expect(JSON.parse(await ok('volume', 'ls', 'old-1', '-f', 'jsonp'))).toMatchObject([
        { name: 'old-1', sizeBytes: 2 ** 26 },
      ]);
      expect(await ok('volume', 'path', 'old-2')).toBe(join(home.dir, 'var/lib/volumes/old-2/data\n'));
      expect(await ok('volume', 'path', 'old-1')).toBe('');
      const several = await home.rexray('volume', 'attach', 'old');
      expect(several).toMatchObject({
        status: 2,
        err: expect.stringContaining('"old" may mean 2 volumes: old-1, old-2'),
      });
      expect((await home.rexray('volume', 'rm', 'old')).status).toBe(3);
      expect(await ok('volume', 'umount', 'old-2')).toBe('old-2\n');
      expect(await ok('volume', 'rm', '/^old-/', '-n', '-q')).toContain('remove "old-1" in service "loop"');
      expect(await ok('volume', 'del', '/^old-/')).toBe('old-1\nold-2\n');
    });

    it('wipes only the file system that is named', async () => {
      await home.rexray('volume', 'mount', 'data');
      await home.rexray('volume', 'unmount', 'data');
      const [v] = JSON.parse((await home.rexray('volume', 'inspect', 'data', '-f', 'json')).out) as Volume[];
      const asked = await home.rexray('volume', 'format', 'data');
      expect(asked).toMatchObject({ status: 2, err: expect.stringContaining(`--wipe ${v?.fsUuid}`) });
      expect(
        (await home.rexray('volume', 'format', 'data', '--wipe', '00000000-0000-4000-8000-000000000000')).status,
      ).not.toBe(0);
      expect((await home.rexray('volume', 'format', 'data', '--wipe', v?.fsUuid ?? '')).status).toBe(0);
      const [now] = JSON.parse((await home.rexray('volume', 'inspect', 'data', '-f', 'json')).out) as Volume[];
      expect(now?.fsUuid).not.toBe(v?.fsUuid);
    });

    it('works without HOME', async () => {
      const { HOME: _none, ...env } = home.env;
      const without = Object.assign(Object.create(home) as Home, { env });
      expect((await without.rexray('volume', 'ls', '-q')).out).toContain('data');
      expect((await without.rexray('config', 'validate')).status).toBe(0);
    });
  });

  describe('the daemon', () => {
    const cleanup = new Cleanup();
    afterAll(() => cleanup.run());

    it('status, reload, logs, events, stop', async () => {
      const home = new Home(cleanup, LOOP);
      expect(await home.rexray('status')).toEqual({ status: 3, out: 'REX-Ray is stopped\n', err: '' });
      expect((await home.rexray('reload')).err).toContain('hint: Start it with "rexray start"');
      const d = await daemon(cleanup, home);
      const status = await home.rexray('service', 'status');
      expect(status.status).toBe(0);
      expect(status.out).toMatch(new RegExp(`^REX-Ray is running at PID ${d.child.pid}\nSocket: .*\nVersion: .*\n`));
      expect(status.out).toContain('Services: loop (default)\n');
      await home.rexray('volume', 'create', 'e', '--size', '64MiB');
      expect((await home.rexray('events')).out).toMatch(/volume\.created +loop\/e\n/);
      expect(
        (await home.rexray('events', '--type', 'volume.created', '-f', 'json')).out.trim().split('\n'),
      ).toHaveLength(1);
      expect((await home.rexray('events', '--type', 'x')).status).toBe(2);
      expect((await home.rexray('reload')).status).toBe(0);
      await d.says('was read again');
      const logs = await home.rexray('logs', '--lines', '50');
      expect(logs.out).toMatch(/^\d\d:\d\d:\d\d\.\d{3} INFO {2}rexray is ready pid=\d+/m);
      expect((await home.rexray('logs', '--level', 'error')).out).toBe('');
      expect((await home.rexray('logs', '-f', 'json', '--lines', '1')).out).toMatch(/^\{"level":"info"/);
      expect(await home.rexray('stop')).toEqual({ status: 0, out: 'REX-Ray is stopped\n', err: '' });
      expect(await d.ended).toBe(0);
      expect(existsSync(join(home.dir, 'var/run/rexray.pid'))).toBe(false);
      expect((await home.rexray('stop')).out).toBe('REX-Ray is stopped\n');
    });

    it('a pid file whose process is somebody else’s now is none', async () => {
      const home = new Home(cleanup, LOOP);
      execFileSync('mkdir', ['-p', join(home.dir, 'var/run')]);
      writeFileSync(join(home.dir, 'var/run/rexray.pid'), `${process.pid}\n1\n`);
      expect((await home.rexray('status')).out).toBe('REX-Ray is stopped\n');
      expect((await home.rexray('stop')).status).toBe(0);
    });

    it('restart ends the one that runs, and serves itself', async () => {
      const home = new Home(cleanup, LOOP);
      const first = await daemon(cleanup, home);
      const second = new DaemonProcess(cleanup, home, { argv: ['restart'] });
      expect(await first.ended).toBe(0);
      await second.ready();
      expect((await home.rexray('status')).out).toContain(`PID ${second.child.pid}`);
      expect(await second.stop()).toBe(0);
    });
  });

  it('a state directory that cannot be written: the error names it and what to do', async () => {
    const cleanup = new Cleanup();
    try {
      const fs = mountedFileSystem(cleanup, 'ext4', '64M');
      const home = new Home(cleanup, LOOP, { REXRAY_HOME_LIB: fs });
      const remount = (how: string): void => void execFileSync('mount', ['-o', `remount,${how}`, fs]);
      const refused = async (): Promise<void> => {
        const r = await home.rexray('volume', 'ls');
        expect(r.status).toBe(1);
        expect(r.err).toMatch(/^error: (unavailable|denied): .*(EROFS|[Rr]ead-only).*\nhint: /);
        expect(r.err).toContain(fs);
      };
      remount('ro');
      await refused();
      remount('rw');
      expect((await home.rexray('volume', 'ls')).status).toBe(0);
      remount('ro');
      await refused();
      // What reads no state goes on.
      expect((await home.rexray('config', 'show')).status).toBe(0);
      expect((await home.rexray('doctor')).out).toMatch(/state +error/);
    } finally {
      await cleanup.run();
    }
  });

  describe('doctor', () => {
    const cleanup = new Cleanup();
    afterAll(() => cleanup.run());
    const images = (home: Home): string => join(home.dir, 'var/lib/local-loop');
    const loops = (below: string): string[] =>
      execFileSync('losetup', ['-l', '-n', '-O', 'NAME,BACK-FILE'], { encoding: 'utf8' })
        .split('\n')
        .filter((l) => l.includes(below));

    it('finds an image that is bound and that nobody has; unbinds it with --fix only', async () => {
      const home = new Home(cleanup, LOOP);
      const [v] = JSON.parse(
        (await home.rexray('volume', 'create', 'left', '--size', '64MiB', '-f', 'json')).out,
      ) as Volume[];
      const image = String(v?.status.path);
      expect(image.startsWith(images(home))).toBe(true);
      execFileSync('losetup', ['-f', image]);
      const seen = await home.rexray('doctor');
      expect(seen.status).toBe(1);
      expect(seen.out).toMatch(/^device left +orphan +.* is bound to a loop device/m);
      expect((await home.rexray('doctor', '--fix', '-n')).out).toContain('nothing was done');
      expect(loops(images(home))).toHaveLength(1);
      expect((await home.rexray('doctor', '--fix')).out).toMatch(/^device left +fixed/m);
      expect(loops(images(home))).toHaveLength(0);
      const clean = await home.rexray('doctor');
      expect(clean.out).toMatch(/^orphans +ok +none/m);
      expect(clean.status).toBe(0);
    });

    it('finds an attachment of this node that no note explains; a volume in use is none', async () => {
      const home = new Home(cleanup, { ...LOOP, rexray: { ...(LOOP.rexray as object), node: { id: 'node-one' } } });
      await home.rexray('volume', 'create', 'lost', 'used', '--size', '64MiB');
      await home.rexray('volume', 'attach', 'lost');
      // What this node knew is gone, as after a disk that was replaced.
      const state = join(home.dir, 'var/lib/state');
      for (const f of readdirSync(state)) if (f !== 'locks') rmSync(join(state, f), { recursive: true });
      await home.rexray('volume', 'mount', 'used');
      const seen = await home.rexray('doctor');
      expect(seen.out).toMatch(/^attachment lost +orphan/m);
      expect(seen.out).not.toMatch(/ used +orphan/);
      expect((await home.rexray('doctor', '--fix')).out).toMatch(/^attachment lost +fixed/m);
      const all = JSON.parse((await home.rexray('volume', 'ls', '-f', 'json')).out) as Volume[];
      expect(all.map((v) => [v.name, v.state])).toEqual([
        ['lost', 'available'],
        ['used', 'mounted'],
      ]);
      await home.rexray('volume', 'unmount', 'used');
    });

    it('an image that somebody put there is shown and never touched', async () => {
      const home = new Home(cleanup, LOOP);
      await home.rexray('volume', 'create', 'one', '--size', '64MiB');
      const [v] = JSON.parse((await home.rexray('volume', 'inspect', 'one', '-f', 'json')).out) as Volume[];
      const dir = String(v?.status.path).replace(/\/[^/]*$/, '');
      writeFileSync(join(dir, 'strange.img'), 'x'.repeat(4096));
      const before = readFileSync(join(dir, 'strange.img'));
      const seen = await home.rexray('doctor', '--fix');
      expect(readFileSync(join(dir, 'strange.img'))).toEqual(before);
      expect(seen.out).toMatch(/^(image strange +odd|orphans +ok)/m);
    });
  });

  it('follows events and logs until Ctrl-C', async () => {
    const cleanup = new Cleanup();
    try {
      const home = new Home(cleanup, LOOP);
      const d = await daemon(cleanup, home);
      const events = new DaemonProcess(cleanup, home, { argv: ['events', '--follow', '-f', 'json'] });
      const logs = new DaemonProcess(cleanup, home, { argv: ['logs', '--follow', '-f', 'json', '--lines', '0'] });
      await home.rexray('volume', 'create', 'seen', '--size', '64MiB');
      await eventually(
        () => (/volume\.created.*seen/.test(events.out) && /"op":"create"/.test(logs.out) ? true : undefined),
        () => `nothing was seen: ${events.out}${events.err} ${logs.out}${logs.err}`,
        60_000,
      );
      expect(await events.stop('SIGINT')).toBe(0);
      expect(await logs.stop('SIGINT')).toBe(0);
      expect(await d.stop()).toBe(0);
    } finally {
      await cleanup.run();
    }
  });
});

import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isVolumeError } from '@rexray/core';
import { Cleanup, EXT4, RUNTIMES, suite } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Config, DaemonProcess, daemon, eventually, Home, services } from './rig.ts';

const outcome = (p: Promise<unknown>): Promise<string> =>
  p.then(
    () => 'ok',
    (e: unknown) => (isVolumeError(e) ? e.code : String(e)),
  );
const mountIds = (below: string): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((l) => l.split(' ')[4]?.startsWith(below))
    .map((l) => l.split(' ')[0] ?? '');

/** Another process that has the lock of a volume: what a verb then does lasts as long as it is allowed to. */
function lockHeld(cleanup: Cleanup, home: Home, volume: string): { release(): Promise<void> } {
  const dir = join(home.dir, 'var/lib/state/locks');
  const file = readdirSync(dir).find((f) => readFileSync(join(dir, f), 'utf8').includes(`${volume}"`));
  if (file === undefined) throw new Error(`no lock file of ${volume}`);
  const child = spawn('flock', ['-x', '--no-fork', join(dir, file), 'sleep', '300'], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const release = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  cleanup.add(release);
  return { release };
}

const PROGRAMS = { ...EXT4, flock: 'util-linux', 'systemd-notify': 'systemd' };

suite('the daemon', { root: true, loop: true, programs: PROGRAMS }, () => {
  let cleanup: Cleanup;
  beforeEach(() => {
    cleanup = new Cleanup();
  });
  afterEach(() => cleanup.run());

  const LOOP: Record<string, Config> = { loop: { driver: 'local-loop' } };
  const newHome = (all = LOOP): Home => {
    const home = new Home(cleanup, services(all));
    // Whatever a test leaves mounted, and whoever looks after it.
    cleanup.add(async () => {
      const { out } = await home.rexray('holder', 'ls', '-f', 'json');
      for (const h of JSON.parse(out || '[]') as { volume: string; holder: string }[])
        await home.rexray('holder', 'release', h.volume, h.holder);
      await eventually(
        () => (watchers(home).length === 0 ? true : undefined),
        () => `a watcher of ${home.dir} goes on`,
      );
    });
    return home;
  };
  const watchers = (home: Home): string[] =>
    readdirSync('/proc')
      .filter((p) => /^\d+$/.test(p))
      .filter((p) => {
        try {
          const args = readFileSync(`/proc/${p}/cmdline`, 'utf8');
          return args.includes('watcher/main') && args.includes(home.dir);
        } catch {
          return false;
        }
      });

  it('SIGTERM: calls that run end, new ones find nobody, mounts stay, and somebody looks after them', async () => {
    const home = newHome();
    const d = await daemon(cleanup, home);
    const client = d.client(cleanup);
    const volumes = await client.integration();
    await volumes.create('a', { size: '64MiB' });
    await volumes.create('b', { size: '64MiB' });
    const kept = await volumes.mount('a', { holder: 'cli' });
    writeFileSync(join(kept.path, 'f'), 'data');
    const { release } = lockHeld(cleanup, home, 'b');
    const running = outcome(volumes.mount('b', { holder: 'cli' }));
    await eventually(
      async () => ((await client.health()).operations === 1 ? true : undefined),
      () => 'the mount did not begin',
    );
    d.child.kill('SIGTERM');
    await d.says('rexray ends');
    await eventually(
      () => (readdirSync(join(home.dir, 'var/run')).includes('rexray.sock') ? undefined : true),
      () => 'the socket is still there',
    );
    expect(await outcome(d.client(cleanup).health())).toBe('unavailable');
    await release();
    expect(await running).toBe('ok');
    expect(await d.ended).toBe(0);
    expect(mountIds(home.dir)).toHaveLength(2);
    expect(readFileSync(join(kept.path, 'f'), 'utf8')).toBe('data');
    await eventually(
      () => (watchers(home).length === 1 ? true : undefined),
      () => 'nobody looks after the claims',
    );
    expect(await home.rexray('volume', 'unmount', 'a', 'b')).toMatchObject({ status: 0, out: 'a\nb\n' });
    expect(mountIds(home.dir)).toHaveLength(0);
  });

  it('a second SIGTERM cancels what runs: it is rolled back, its caller is told, and the end is quick', async () => {
    const home = newHome();
    const d = await daemon(cleanup, home);
    const volumes = await d.client(cleanup).integration();
    await volumes.create('b', { size: '64MiB' });
    lockHeld(cleanup, home, 'b');
    const running = outcome(volumes.mount('b', { holder: 'cli' }));
    await d.says(/"op":"create"/);
    await new Promise((resolve) => setTimeout(resolve, 300));
    d.child.kill('SIGTERM');
    await d.says('rexray ends');
    const began = performance.now();
    d.child.kill('SIGTERM');
    expect(await d.ended).toBe(0);
    expect(performance.now() - began).toBeLessThan(8_000);
    expect(['canceled', 'unavailable']).toContain(await running);
    expect(mountIds(home.dir)).toHaveLength(0);
  });

  describe('SIGHUP', () => {
    it('a good file is applied without dropping a mount or a call; a broken one is one error and changes nothing', async () => {
      const home = newHome();
      const d = await daemon(cleanup, home);
      const client = d.client(cleanup);
      const volumes = await client.integration();
      for (const name of ['a', 'b']) await volumes.create(name, { size: '64MiB' });
      await volumes.mount('a', { holder: 'cli' });
      const before = mountIds(home.dir);
      const { release } = lockHeld(cleanup, home, 'b');
      const running = outcome(volumes.mount('b', { holder: 'cli' }));
      await new Promise((resolve) => setTimeout(resolve, 200));

      const second = join(home.dir, 'var/run/second.sock');
      const good = services({ ...LOOP, dir: { driver: 'local-dir' } }, 'dir');
      home.configure({ ...good, rexray: { modules: { second: { type: 'rest', host: `unix://${second}` } } } });
      d.child.kill('SIGHUP');
      await d.says('the configuration was read again');
      expect((await client.services()).map((s) => [s.service, s.default])).toEqual([
        ['loop', false],
        ['dir', true],
      ]);
      expect(statSync(second).isSocket()).toBe(true);
      expect(mountIds(home.dir)).toEqual(before);
      await release();
      expect(await running).toBe('ok');

      home.configure('libstorage: [broken\n');
      d.child.kill('SIGHUP');
      await d.says('was not applied');
      const errors = d.lines.filter((l) => l.level === 'error');
      expect(errors).toHaveLength(1);
      expect(errors[0]?.err).toContain(`${home.file}: is not valid YAML`);
      expect((await client.services()).map((s) => s.service)).toEqual(['loop', 'dir']);

      home.configure(services(LOOP));
      d.child.kill('SIGHUP');
      await eventually(
        async () => ((await client.services()).length === 1 ? true : undefined),
        () => 'the service is still there',
      );
      await eventually(
        () => (readdirSync(join(home.dir, 'var/run')).includes('second.sock') ? undefined : true),
        () => 'the module is still there',
      );
      expect(await outcome(client.integration('dir'))).toBe('not_found');
      const after = await client.integration('loop');
      expect((await after.get('a')).state).toBe('mounted');
      await after.unmount('a', { holder: 'cli' });
      await after.unmount('b', { holder: 'cli' });
      expect(mountIds(home.dir)).toEqual([]);
      expect(await d.stop()).toBe(0);
    });

    it('a module that cannot start takes nothing away', async () => {
      const home = newHome();
      const d = await daemon(cleanup, home);
      const client = d.client(cleanup);
      home.configure({
        ...services({ ...LOOP, dir: { driver: 'local-dir' } }),
        rexray: { modules: { wrong: { type: 'rest', host: `unix://${home.file}` } } },
      });
      d.child.kill('SIGHUP');
      expect((await d.says('was not applied')).err).toContain('exists and is not a socket');
      expect((await client.services()).map((s) => s.service)).toEqual(['loop']);
      expect(await d.stop()).toBe(0);
    });
  });

  it('SIGKILL and restart: mounts and holders are there, what was in flight is settled, nothing leaks', async () => {
    const home = newHome();
    const d = await daemon(cleanup, home);
    const volumes = await d.client(cleanup).integration();
    const names = ['k0', 'k1', 'k2', 'k3'];
    await Promise.all(['kept', ...names].map((n) => volumes.create(n, { size: '64MiB' })));
    const kept = await volumes.mount('kept', { holder: 'cli' });
    writeFileSync(join(kept.path, 'f'), 'data');
    const flying = names.map((n) => outcome(volumes.mount(n, { holder: 'cli' })));
    await new Promise((resolve) => setTimeout(resolve, 150));
    d.child.kill('SIGKILL');
    await d.ended;
    const told = await Promise.all(flying);
    expect(readFileSync(join(kept.path, 'f'), 'utf8')).toBe('data');

    const again = await daemon(cleanup, home);
    const after = await again.client(cleanup).integration();
    expect(await after.get('kept')).toMatchObject({ state: 'mounted', mountpoint: kept.path });
    for (const [i, name] of names.entries()) {
      const v = await after.get(name);
      // Acknowledged is kept; what was not is either.
      if (told[i] === 'ok') expect(v.state).toBe('mounted');
      expect(v.holders.length > 0).toBe(v.state === 'mounted');
      await after.mount(name, { holder: 'cli' });
      await after.unmount(name, { holder: 'cli', all: true });
    }
    await after.unmount('kept', { holder: 'cli' });
    for (const name of ['kept', ...names]) await after.remove(name);
    expect(await again.stop()).toBe(0);
    expect(mountIds(home.dir)).toEqual([]);
    expect(execFileSync('losetup', ['-a'], { encoding: 'utf8' })).not.toContain(home.dir);
  });

  it('one line of JSON an operation, with its request; the service manager is told', async () => {
    const home = newHome();
    const socket = join(cleanup.tempDir(), 'notify');
    const deno = RUNTIMES.find((r) => r.name === 'Deno')?.program ?? '';
    const listener = spawn(
      deno,
      [
        'eval',
        '--unstable-net',
        `const s = Deno.listenDatagram({ path: '${socket}', transport: 'unixpacket' });
         for await (const [m] of s) console.log(JSON.stringify(new TextDecoder().decode(m)));`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'], detached: true },
    );
    // The program is a child of a shim: both are one group.
    cleanup.add(() => void process.kill(-(listener.pid ?? 0), 'SIGKILL'));
    let heard = '';
    listener.stdout.on('data', (x: Buffer) => {
      heard += x.toString();
    });
    await eventually(
      () => (statSync(socket, { throwIfNoEntry: false }) === undefined ? undefined : true),
      () => 'nobody listens',
    );
    const d = new DaemonProcess(cleanup, home, { env: { NOTIFY_SOCKET: socket } });
    await d.ready();
    expect(heard).toContain('READY=1');
    const volumes = await d.client(cleanup).integration();
    await volumes.create('v', { size: '64MiB', requestId: 'request-7' });
    await outcome(volumes.get('none', { requestId: 'request-8' }));
    expect(await d.says(/request-7/)).toMatchObject({
      level: 'info',
      op: 'create',
      service: 'loop',
      volume: 'v',
      outcome: 'ok',
      ms: expect.any(Number),
    });
    expect(await d.says(/request-8/)).toMatchObject({ level: 'warn', op: 'get', outcome: 'not_found' });
    d.child.kill('SIGHUP');
    await d.says('read again');
    expect(await d.stop()).toBe(0);
    expect(heard.replaceAll('\\n', ' ')).toMatch(/READY=1.*RELOADING=1.*READY=1.*STOPPING=1/s);
  });

  it('a volume that a program mounted before is the daemon’s from its start on; its watcher ends with the mount', async () => {
    const home = newHome();
    await home.rexray('volume', 'create', 'v', '--size', '64MiB');
    await home.rexray('volume', 'mount', 'v');
    const d = await daemon(cleanup, home);
    expect((await home.rexray('volume', 'ls')).out).toMatch(/v\s+mounted/);
    expect(await home.rexray('volume', 'unmount', 'v')).toEqual({ status: 0, out: 'v\n', err: '' });
    expect(await d.stop()).toBe(0);
  });
});

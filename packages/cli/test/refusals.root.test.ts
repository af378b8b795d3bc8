/** Why a daemon does not start: one clear error each, an exit status, and nothing left behind. */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup, EXT4, mountedFileSystem, suite } from '@rexray/rig';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Config, DaemonProcess, daemon, Home, services } from './rig.ts';

const NOBODY = 65_534;

suite('a daemon that cannot start says why', { root: true, loop: true, programs: EXT4 }, () => {
  let cleanup: Cleanup;
  beforeEach(() => {
    cleanup = new Cleanup();
  });
  afterEach(() => cleanup.run());
  const DIR = services({ dir: { driver: 'local-dir' } });
  const withModules = (modules: Config): Home => new Home(cleanup, { ...DIR, rexray: { modules } });

  /** Its exit status and what it says: one error, and a hint. */
  async function refused(
    home: Home,
    o: ConstructorParameters<typeof DaemonProcess>[2] = {},
  ): Promise<{ status: number | null; error: string; hint: string }> {
    const d = new DaemonProcess(cleanup, home, o);
    const status = await d.ended;
    const lines = d.err.trimEnd().split('\n');
    expect(lines.filter((l) => l.startsWith('error: '))).toHaveLength(1);
    expect(d.lines.filter((l) => l.level === 'error')).toEqual([]);
    expect(existsSync(home.socket)).toBe(false);
    return { status, error: lines[0] ?? '', hint: lines.at(-1) ?? '' };
  }

  it('a front end that is not installed: the command that installs it', async () => {
    const r = await refused(withModules({ k8s: { type: 'csi', host: 'unix:///tmp/csi.sock' } }));
    expect(r.status).toBe(2);
    expect(r.error).toMatch(/^error: invalid: front end "csi" is not installed; found: /);
    expect(r.hint).toContain('rexray-frontend-csi');
  });

  it('a type that is none: near names', async () => {
    const r = await refused(withModules({ m: { type: 'dockr', host: 'unix:///tmp/x.sock' } }));
    expect(r.status).toBe(2);
    expect(r.error).toContain('front end "dockr" is not installed');
    expect(r.hint).toContain('Did you mean docker');
  });

  it('two modules on one socket', async () => {
    const host = 'unix:///run/nowhere/one.sock';
    const r = await refused(
      withModules({ a: { type: 'rest', host }, b: { type: 'rest', host: '/run/nowhere//one.sock' } }),
    );
    expect(r).toMatchObject({
      status: 2,
      error: 'error: invalid: Module "b" and module "a" both listen on /run/nowhere//one.sock.',
    });
  });

  it('a disabled module is left out; a socket where another server answers is in_use', async () => {
    const home = withModules({ off: { type: 'nothing', disabled: true } });
    const first = await daemon(cleanup, home);
    const second = new DaemonProcess(cleanup, home);
    expect(await second.ended).toBe(1);
    expect(second.err).toMatch(/^error: in_use: Another server uses /);
    expect((await home.rexray('service', 'ls')).status).toBe(0);
    expect(await first.stop()).toBe(0);
  });

  it('a module that does not start in time', async () => {
    const home = withModules({ slow: { type: 'slow' } });
    const plugin = join(home.dir, 'etc/node_modules/rexray-frontend-slow');
    mkdirSync(plugin, { recursive: true });
    writeFileSync(
      join(plugin, 'package.json'),
      JSON.stringify({ name: 'rexray-frontend-slow', version: '1.0.0', type: 'module', main: 'index.js' }),
    );
    writeFileSync(
      join(plugin, 'index.js'),
      `const s = { '~standard': { version: 1, vendor: 'x', validate: (value) => ({ value }), jsonSchema: { input: () => ({}) } } };
       class Slow { start() { return new Promise(() => {}); } }
       export default { plugin: { kind: 'frontend', name: 'slow', api: 1, core: '0', config: s, deps: [], create: Slow } };`,
    );
    home.configure({ ...DIR, rexray: { modules: { slow: { type: 'slow' } }, module: { startTimeout: '5s' } } });
    const r = await refused(home);
    expect(r.status).toBe(1);
    expect(r.error).toBe('error: timeout: Module "slow" (slow) did not start within 5000 ms.');
    expect(r.hint).toContain('rexray.module.startTimeout');
  });

  it('a broken file, a wrong value, a driver that is not installed', async () => {
    const home = new Home(cleanup, DIR);
    home.configure('libstorage: [broken\n');
    expect((await refused(home)).error).toContain('is not valid YAML');
    home.configure({ ...DIR, rexray: { logLevel: 'loud' } });
    expect((await refused(home)).status).toBe(2);
    home.configure(services({ x: { driver: 'nosuch' } }));
    expect((await refused(home)).error).toContain('driver "nosuch" is not installed');
  });

  it('a read-only state directory', async () => {
    const fs = mountedFileSystem(cleanup, 'ext4', '64M');
    const { execFileSync } = await import('node:child_process');
    mkdirSync(join(fs, 'state'), { recursive: true });
    execFileSync('mount', ['-o', 'remount,ro', fs]);
    const r = await refused(new Home(cleanup, DIR, { REXRAY_HOME_LIB: fs }));
    expect(r.status).toBe(1);
    expect(r.error).toBe(`error: unavailable: The state directory ${fs}/state is on a read-only file system.`);
    expect(r.hint).toContain('REXRAY_HOME_LIB');
  });

  it('a full disk', async () => {
    const fs = mountedFileSystem(cleanup, 'ext4', '16M');
    mkdirSync(join(fs, 'state'));
    expect(() => writeFileSync(join(fs, 'filler'), Buffer.alloc(32 * 2 ** 20))).toThrow('ENOSPC');
    const r = await refused(new Home(cleanup, DIR, { REXRAY_HOME_LIB: fs }));
    expect(r.status).toBe(1);
    expect(r.error).toBe(`error: exhausted: The state directory ${fs}/state is full (ENOSPC).`);
  });

  it('no root: the places of root are denied; with places of its own it serves directories, and says what it cannot', async () => {
    const home = new Home(cleanup, DIR);
    chmodSync(home.dir, 0o755);
    const r = await refused(home, { uid: NOBODY });
    expect(r.status).toBe(1);
    expect(r.error).toMatch(/^error: denied: The directory .* cannot be made: EACCES\.$/);
    chmodSync(home.dir, 0o777);
    const d = new DaemonProcess(cleanup, home, { uid: NOBODY });
    await d.ready();
    expect((await d.says('not root')).level).toBe('warn');
    const dir = await d.client(cleanup).integration();
    await dir.create('mine');
    const m = await dir.mount('mine', { holder: 'cli' });
    expect(existsSync(m.path)).toBe(true);
    await dir.unmount('mine', { holder: 'cli' });
    expect(await d.stop()).toBe(0);
  });
});

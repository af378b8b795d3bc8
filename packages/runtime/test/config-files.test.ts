import { chmodSync, chownSync, existsSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePlaces, placesOf } from '../src/config/index.ts';
import { runError } from '../src/config/own-file.ts';
import { errorOf, type Place, place } from './config-place.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());
let p: Place;
beforeEach(() => {
  p = place(cleanup);
});
const service = (name: string): string => `libstorage:\n  service: ${name}\n`;

describe('which files are read', () => {
  it('reads the global file and the user’s over it', async () => {
    p.write('rexray/etc/config.yml', `${service('a')}rexray:\n  logLevel: info\n`);
    p.write('home/.rexray/config.yml', service('b'));
    const c = await p.load();
    expect(c.defaultService).toBe('b');
    expect(c.logLevel).toBe('info');
    expect(c.files).toEqual([join(p.etc, 'config.yml'), join(p.user, 'config.yml')]);
  });

  it('lets rexray.yml in either place hide config.yml in both', async () => {
    p.write('rexray/etc/config.yml', service('a'));
    p.write('home/.rexray/rexray.yml', service('b'));
    const c = await p.load();
    expect(c.files).toEqual([join(p.user, 'rexray.yml')]);
    expect(c.defaultService).toBe('b');
  });

  it('reads one file instead of all with -c, and says so when it is not there', async () => {
    p.write('rexray/etc/rexray.yml', service('a'));
    p.write('cwd/mine.yml', service('mine'));
    expect((await p.load({ config: 'mine.yml' })).files).toEqual([join(p.cwd, 'mine.yml')]);
    const e = await errorOf(p.load({ config: 'no.yml' }));
    expect(e).toMatchObject({
      code: 'invalid',
      message: `The configuration file ${join(p.cwd, 'no.yml')} does not exist.`,
    });
  });

  it('works without any file', async () => {
    const c = await p.load();
    expect(c.services).toEqual({});
    expect(c.defaultService).toBeUndefined();
    expect(c.operations().create.default.sizeBytes).toBe(16 * 2 ** 30);
  });

  it('fills the environment from /etc/environment where a variable is not set', async () => {
    const file = p.write(
      'environment',
      '# c\nLIBSTORAGE_SERVICE="from-file"\nexport REXRAY_LOGLEVEL=debug\nHOME=/nowhere\nbroken\n',
    );
    const c = await p.load({ environmentFile: file, vars: { REXRAY_LOGLEVEL: 'error' } });
    expect(c.defaultService).toBe('from-file');
    expect(c.logLevel).toBe('error');
    expect(c.paths.user).toBe(p.user);
  });
});

describe('our own file', () => {
  const written = `{ services: { A: { driver: 'memory', config: { backend: 'x' } } }, operations: { mount: { preempt: true } } }`;

  it.each(['mjs', 'js'])('runs rexray.config.%s of the working directory', async (ext) => {
    p.write('cwd/package.json', '{"type":"module"}');
    p.write(`cwd/rexray.config.${ext}`, `export default ${written};`);
    const c = await p.load();
    expect(c.services.a?.driver).toBe('memory');
    expect(c.operations().mount.preempt).toBe(true);
  });

  it.each([
    ['json', '{"services":{"a":{"driver":"memory"}},"logLevel":"debug"}'],
    ['yaml', 'services:\n  a: { driver: memory }\nlogLevel: debug\n'],
    ['yml', 'libstorage.server.services.a.driver: memory\nrexray: { loglevel: debug }\n'],
  ])('reads rexray.config.%s over the operator’s files', async (ext, text) => {
    p.write('rexray/etc/rexray.yml', `rexray:\n  logLevel: error\n${service('a')}`);
    p.write(`cwd/rexray.config.${ext}`, text);
    const c = await p.load();
    expect(c.services.a?.driver).toBe('memory');
    expect(c.logLevel).toBe('debug');
  });

  it('keeps the lines of the short form, and moves the places with `home`', async () => {
    p.write(
      'cwd/rexray.config.yaml',
      'home: /elsewhere\nServices:\n  Two: { driver: vfs, config: { root: /x }, operations: { mount: { preempt: yes } } }\nnode: { id: n1 }\noperations.mount.retryCount: 3\n',
    );
    const c = await p.load();
    expect(c.services.two).toMatchObject({
      driver: 'local-dir',
      operations: { mount: { preempt: true, retryCount: 3 } },
    });
    expect(c.origin('libstorage.server.services.two.vfs.root')).toMatchObject({ value: '/x', line: 3 });
    expect([c.node.id, c.paths.etc, c.warnings]).toEqual(['n1', '/elsewhere/etc', []]);
    p.write('cwd/rexray.config.yaml', 'services: a\n');
    expect((await errorOf(p.load())).message).toContain('rexray.config.yaml:1');
  });

  it('is TypeScript where Node can run it, and says what to do where it cannot', async () => {
    const file = p.write('cwd/rexray.config.ts', `export default ${written} satisfies object;`);
    // vitest would compile it: what counts is the Node that runs the program.
    const { spawnSync } = await import('node:child_process');
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', `await import(${JSON.stringify(file)})`], {
      encoding: 'utf8',
    });
    if (run.status === 0) expect((await p.load()).services.a?.driver).toBe('memory');
    else expect(run.stderr).toContain('ERR_UNKNOWN_FILE_EXTENSION');
    const e = runError(file, Object.assign(new TypeError('x'), { code: 'ERR_UNKNOWN_FILE_EXTENSION' }));
    expect(e.message).toBe(`${file} is TypeScript, which Node ${process.versions.node} cannot run by itself.`);
    expect(e.hint).toContain('rename it to rexray.config.mjs');
  });

  it('says what is wrong with one that exports nothing, throws, or holds a driver that was not called', async () => {
    const file = p.write('cwd/a.mjs', 'export const x = 1;');
    expect(await errorOf(p.load({ config: file }))).toMatchObject({
      code: 'invalid',
      hint: expect.stringContaining('defineConfig'),
    });
    const thrown = p.write('cwd/b.mjs', 'throw new Error("oh")');
    expect((await errorOf(p.load({ config: thrown }))).message).toContain('could not be run: oh');
    const uncalled = p.write('cwd/c.mjs', 'const f = () => 1; f.plugin = {}; export default { services: { a: f } };');
    expect(await errorOf(p.load({ config: uncalled }))).toMatchObject({
      code: 'invalid',
      hint: expect.stringContaining('parentheses'),
    });
  });
});

describe('S23: root executes nothing from places that others may write', () => {
  it('S23: root looks in the directory of the program, not in the working directory', async () => {
    p.write(
      'cwd/rexray.config.mjs',
      'globalThis.ran = true; export default { services: { cwd: { driver: "memory" } } };',
    );
    p.write('app/rexray.config.mjs', 'export default { services: { app: { driver: "memory" } } };');
    const c = await p.load({ root: true, programDir: join(p.dir, 'app') });
    expect(Object.keys(c.services)).toEqual(['app']);
    expect(globalThis).not.toHaveProperty('ran');
  });

  it('S23: root does not run what cosmiconfig would (.config/config.js of the working directory)', async () => {
    const { spawnSync } = await import('node:child_process');
    const marker = join(p.dir, 'ran');
    p.write('cwd/.config/config.cjs', `require('fs').writeFileSync(${JSON.stringify(marker)}, '')`);
    p.write('cwd/.config/config.js', `require('fs').writeFileSync(${JSON.stringify(marker)}, '')`);
    const before = process.cwd();
    try {
      process.chdir(p.cwd);
      await p.load({ root: true, programDir: join(p.dir, 'app') });
    } catch (e) {
      // Worker threads cannot change directory: then a process of its own tells.
      if ((e as { code?: string }).code !== 'ERR_WORKER_UNSUPPORTED_OPERATION') throw e;
    } finally {
      if (process.cwd() !== before) process.chdir(before);
    }
    expect(existsSync(marker)).toBe(false);
    // The trap is real: this is what making an explorer there does.
    const from = new URL('../package.json', import.meta.url).pathname;
    spawnSync(
      process.execPath,
      ['-e', `require('node:module').createRequire(${JSON.stringify(from)})('cosmiconfig').cosmiconfig('x')`],
      { cwd: p.cwd },
    );
    expect(existsSync(marker)).toBe(true);
  });

  it('S23: root refuses a file that others may write, or that is somebody’s, and runs it as that user', async () => {
    const file = p.write('app/c.mjs', 'export default { services: { a: { driver: "memory" } } };');
    chmodSync(file, 0o666);
    const e = await errorOf(p.load({ root: true, config: file }));
    expect(e).toMatchObject({ code: 'denied', details: { rule: 'S23' } });
    expect(e.message).toContain('may be written by others (mode 666)');
    expect(Object.keys((await p.load({ root: false, config: file })).services)).toEqual(['a']);
    chmodSync(file, 0o644);
    chmodSync(join(p.dir, 'app'), 0o777);
    expect((await errorOf(p.load({ root: true, config: file }))).message).toContain(join(p.dir, 'app'));
    chmodSync(join(p.dir, 'app'), 0o755);
    const link = join(p.dir, 'link.mjs');
    symlinkSync(file, link);
    expect(Object.keys((await p.load({ root: true, config: link })).services)).toEqual(['a']);
    if (process.geteuid?.() !== 0) return;
    chownSync(file, 12_345, 12_345);
    expect((await errorOf(p.load({ root: true, config: link }))).message).toContain('belongs to uid 12345');
  });

  it('S23: data that others can change is read with a warning', async () => {
    const file = p.write('rexray/etc/rexray.yml', service('a'));
    chmodSync(file, 0o666);
    const c = await p.load({ root: true, programDir: p.dir });
    expect(c.defaultService).toBe('a');
    expect(c.warnings.join()).toContain('can be changed by others');
  });
});

describe('places', () => {
  it('are REX-Ray’s for root, below the home directory for others', () => {
    expect(placesOf({ env: { HOME: '/root' }, root: true })).toEqual({
      etc: '/etc/rexray',
      tls: '/etc/rexray/tls',
      lib: '/var/lib/rexray',
      log: '/var/log/rexray',
      run: '/run/rexray',
      state: '/var/lib/rexray/state',
      plugins: '/var/lib/rexray/plugins',
      user: '/root/.rexray',
    });
    expect(placesOf({ env: { HOME: '/home/a' }, root: false })).toMatchObject({
      etc: '/home/a/.rexray/etc',
      lib: '/home/a/.rexray/var/lib',
      run: '/home/a/.rexray/var/run',
    });
  });

  it('are moved by REXRAY_HOME as a whole and by its parts one by one', () => {
    const env = { HOME: '/h', REXRAY_HOME: '/opt/rexray', REXRAY_HOME_LIB: '/data', REXRAY_HOME_ETC: '' };
    expect(placesOf({ env, root: true })).toMatchObject({
      etc: '/opt/rexray/etc',
      lib: '/data',
      log: '/opt/rexray/var/log',
      run: '/opt/rexray/var/run',
      state: '/data/state',
    });
    expect(placesOf({ env: { LIBSTORAGE_HOME: '/opt/l' }, root: true }).lib).toBe('/opt/l/var/lib');
    expect(() => placesOf({ env: { REXRAY_HOME: 'opt' }, root: true })).toThrow(
      /REXRAY_HOME: "opt" is not an absolute path/,
    );
  });

  it('are made when missing, the state for its owner alone', async () => {
    const paths = placesOf({ env: { REXRAY_HOME: join(p.dir, 'new') }, root: false });
    makePlaces(paths);
    expect(statSync(paths.state).mode & 0o777).toBe(0o700);
    expect(existsSync(paths.run)).toBe(true);
    expect(existsSync(paths.etc)).toBe(false);
    p.write('file', '');
    const blocked = placesOf({ env: { REXRAY_HOME: join(p.dir, 'file') }, root: false });
    expect(await errorOf(() => makePlaces(blocked))).toMatchObject({
      code: 'unavailable',
      hint: expect.stringContaining('REXRAY_HOME_LIB'),
    });
  });
});

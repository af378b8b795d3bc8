import { chmodSync, chownSync, mkdirSync, realpathSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  installCommand,
  listInstalled,
  loadPlugin,
  type PluginRoots,
  pluginRoots,
  resolvePlugin,
} from '../src/plugins/index.ts';
import { errorOf } from './config-place.ts';
import { driverSource, install } from './plugin-folder.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());
let dir: string;
let a: string;
let b: string;
beforeEach(() => {
  dir = cleanup.tempDir();
  [a, b] = [join(dir, 'a'), join(dir, 'b')];
  for (const d of [a, b]) mkdirSync(d);
});
const roots = (o: Partial<PluginRoots> = {}): PluginRoots => ({
  dirs: [a, b],
  plugins: join(dir, 'plugins'),
  program: undefined,
  cwd: dir,
  root: false,
  ...o,
});
const js = (name: string): { files: Record<string, string> } => ({ files: { 'index.js': driverSource(name) } });

describe('where a plugin is found', () => {
  it('tries the scoped name, the plain one and the whole one, each in all places', () => {
    install(a, 'rexray-driver-acme', js('acme'));
    install(b, '@rexray/driver-acme', js('acme'));
    install(b, 'storage-of-acme', { ...js('acme'), manifest: { keywords: ['rexray-driver'] } });
    install(a, '@acme/rexray', { ...js('acme'), manifest: { peerDependencies: { '@rexray/core': '*' } } });
    expect(resolvePlugin('storage', 'ACME', roots()).package.name).toBe('@rexray/driver-acme');
    expect(resolvePlugin('storage', 'acme', roots({ dirs: [a] })).package.name).toBe('rexray-driver-acme');
    expect(resolvePlugin('storage', 'storage-of-acme', roots()).package.name).toBe('storage-of-acme');
    expect(resolvePlugin('storage', '@acme/rexray', roots()).entry).toBe(
      join(realpathSync(a), 'node_modules/@acme/rexray/index.js'),
    );
  });

  it('knows REX-Ray’s names of drivers, and other kinds of plugin', () => {
    install(a, '@rexray/driver-local-dir', js('local-dir'));
    install(a, '@rexray/driver-ebs', js('ebs'));
    install(a, '@rexray/frontend-docker', js('docker'));
    install(a, '@rexray/store-x', js('x'));
    expect(['vfs', 'aws', 'ec2', 'ebs'].map((n) => resolvePlugin('storage', n, roots()).name)).toEqual([
      'local-dir',
      'ebs',
      'ebs',
      'ebs',
    ]);
    expect(resolvePlugin('frontend', 'docker', roots()).package.name).toBe('@rexray/frontend-docker');
    expect(resolvePlugin('store', 'x', roots()).package.name).toBe('@rexray/store-x');
  });

  it('looks upwards, through links, and in the project itself', () => {
    const deep = join(a, 'x/y');
    mkdirSync(deep, { recursive: true });
    const real = install(b, 'rexray-driver-linked', js('linked'));
    install(a, 'rexray-driver-up', js('up'));
    symlinkSync(real, join(a, 'node_modules/rexray-driver-linked'));
    expect(resolvePlugin('storage', 'up', roots({ dirs: [deep] })).package.dir).toContain('rexray-driver-up');
    expect(resolvePlugin('storage', 'linked', roots({ dirs: [deep] })).package.dir).toBe(realpathSync(real));
    expect(resolvePlugin('storage', 'linked', roots({ dirs: [real] })).package.dir).toBe(realpathSync(real));
  });

  it('reads exports as Node does for an import', () => {
    const of = (exports: unknown, main?: string): string => {
      install(a, 'rexray-driver-e', {
        files: { 'main.js': '', 'index.js': '', 'i.js': '', 'd.js': '' },
        manifest: { exports, ...(main !== undefined && { main }) },
      });
      return resolvePlugin('storage', 'e', roots()).entry.split('/').at(-1) ?? '';
    };
    expect(of('./d.js')).toBe('d.js');
    expect(of({ import: './i.js', default: './d.js' })).toBe('i.js');
    expect(
      of({
        '.': {
          types: './t.d.ts',
          browser: './b.js',
          node: { require: './r.cjs', import: './i.js' },
          default: './d.js',
        },
        './x': './x.js',
      }),
    ).toBe('i.js');
    expect(of({ '.': [{ require: './r.cjs' }, './d.js'] })).toBe('d.js');
    expect(of(null, 'main.js')).toBe('main.js');
    expect(of(null)).toBe('index.js');
    for (const bad of [{ require: './r.cjs' }, './absent.js', '../../../outside.js', { './x': './i.js' }])
      expect(() => of(bad)).toThrow(/has nothing to import/);
  });

  it('looks in the configuration’s directory, the program’s, <lib>/plugins, and the working directory unless root', () => {
    const config = {
      files: ['/etc/rexray/rexray.yml', '/p/rexray.config.mjs'],
      paths: { plugins: '/lib/plugins' } as never,
    };
    const dirs = pluginRoots(config, { cwd: '/cwd', root: false, programDir: '/bin/x' }).dirs;
    expect(dirs.filter((d) => !d.includes('/runtime/'))).toEqual([
      '/p',
      '/etc/rexray',
      '/bin/x',
      '/lib/plugins',
      '/cwd',
    ]);
    expect(pluginRoots(config, { cwd: '/cwd', root: true, programDir: '/bin/x' }).dirs).not.toContain('/cwd');
  });

  it('finds what this package brings, from its sources', async () => {
    const found = await loadPlugin(
      'storage',
      'memory',
      pluginRoots({ files: [], paths: { plugins: join(dir, 'plugins') } as never }, { cwd: dir, programDir: dir }),
    );
    expect(found.definition.name).toBe('memory');
    expect(found.package).toBe('@rexray/driver-memory');
  });
});

describe('what is not found', () => {
  it('lists what is installed and gives the command', async () => {
    install(a, '@rexray/driver-local-loop', { ...js('local-loop'), version: '1.0.0' });
    install(b, 'rexray-driver-acme', { ...js('acme'), version: '2.1.0' });
    const e = await errorOf(() => resolvePlugin('storage', 'ebs', roots(), 'libstorage.server.services.x.driver'));
    expect(e.message).toBe('driver "ebs" is not installed; found: acme 2.1.0, local-loop 1.0.0.');
    expect(e).toMatchObject({
      code: 'invalid',
      details: { path: 'libstorage.server.services.x.driver', value: 'ebs' },
      hint: `Run: npm i --prefix ${dir}/plugins @rexray/driver-ebs`,
    });
    expect(await errorOf(() => resolvePlugin('storage', 'acmee', roots()))).toMatchObject({
      hint: expect.stringContaining('Did you mean acme?'),
    });
    expect((await errorOf(() => resolvePlugin('frontend', 'docker', roots()))).message).toBe(
      'front end "docker" is not installed; found: none.',
    );
    expect(listInstalled(roots()).map((x) => [x.kind, x.name, x.package])).toEqual([
      ['storage', 'acme', 'rexray-driver-acme'],
      ['storage', 'local-loop', '@rexray/driver-local-loop'],
    ]);
  });

  it('names the npm command that fits how the program is installed', () => {
    const global = '/usr/lib/node_modules/@rexray/cli/dist';
    expect(installCommand('p', roots({ program: global }))).toBe('npm i -g p');
    expect(installCommand('p', roots({ program: join(dir, 'node_modules/@rexray/cli/dist') }))).toBe('npm i p');
    expect(installCommand('p', roots({ program: '/opt/app' }))).toBe(`npm i --prefix ${dir}/plugins p`);
  });

  it('never runs a package that only has the name of a driver, and no path', async () => {
    install(a, 'ebs', { files: { 'index.js': 'globalThis.ranEbs = true' } });
    install(a, 'evil', { ...js('evil'), manifest: { keywords: ['rexray-driver'] } });
    for (const name of ['ebs', '../a/node_modules/evil', './evil', 'x/../evil', '/etc/passwd', '', '@rexray/../evil']) {
      expect(await errorOf(loadPlugin('storage', name, roots())), name).toMatchObject({ code: 'invalid' });
    }
    expect(globalThis).not.toHaveProperty('ranEbs');
  });
});

describe('S23: what root loads', () => {
  it('S23: is refused from a directory that others may write, or that is somebody’s', async () => {
    const at = install(a, 'rexray-driver-acme', js('acme'));
    const asRoot = (): unknown => resolvePlugin('storage', 'acme', roots({ root: true }));
    expect(asRoot()).toMatchObject({ name: 'acme' });
    for (const [path, mode] of [
      [join(a, 'node_modules'), 0o777],
      [at, 0o775],
      [join(at, 'index.js'), 0o646],
    ] as const) {
      chmodSync(path, mode);
      const e = await errorOf(asRoot);
      expect(e, path).toMatchObject({ code: 'denied', details: { rule: 'S23' } });
      expect(e.message).toContain(realpathSync(path));
      expect(resolvePlugin('storage', 'acme', roots())).toMatchObject({ name: 'acme' });
      chmodSync(path, 0o755);
    }
    if (process.geteuid?.() !== 0) return;
    chownSync(at, 12_345, 12_345);
    expect((await errorOf(asRoot)).message).toContain('belongs to uid 12345');
  });

  it('S23: is judged by where it really is', async () => {
    const real = install(b, 'rexray-driver-acme', js('acme'));
    mkdirSync(join(a, 'node_modules'));
    symlinkSync(real, join(a, 'node_modules/rexray-driver-acme'));
    chmodSync(b, 0o777);
    expect(await errorOf(() => resolvePlugin('storage', 'acme', roots({ root: true, dirs: [a] })))).toMatchObject({
      code: 'denied',
    });
  });
});

import { join } from 'node:path';
import {
  definePlugin,
  isVolumeError,
  LIB_DIR,
  LOGGER,
  SERVICE,
  type StorageDefinition,
  silentLogger,
  token,
} from '@rexray/core';
import { schema, Type } from '@rexray/core/schema';
import { Cleanup } from '@rexray/rig';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDriver, createPlugin, loadPlugin, type PluginRoots, provide } from '../src/plugins/index.ts';
import { errorOf } from './config-place.ts';
import { driverSource, install } from './plugin-folder.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());
let dir: string;
beforeEach(() => {
  dir = cleanup.tempDir();
});
const roots = (): PluginRoots => ({ dirs: [dir], plugins: dir, program: undefined, cwd: dir, root: false });
let n = 0;
/** A package of a new name each time: modules are loaded once a path. */
function written(source: string, manifest: object = {}): string {
  n += 1;
  install(dir, `rexray-driver-t${n}`, { files: { 'index.js': source }, manifest, version: '3.2.1' });
  return `t${n}`;
}
const loading = (source: string, manifest?: object): ReturnType<typeof errorOf> =>
  errorOf(loadPlugin('storage', written(source, manifest), roots()));
const surroundings = (config: object = {}) => ({
  service: 'svc',
  config: config as Record<string, unknown>,
  logger: silentLogger,
  libDir: '/lib/x',
});

describe('loading', () => {
  it('takes a plugin with its own copy of core, by its data', async () => {
    const { definition, version } = await loadPlugin('storage', written(driverSource('other')), roots());
    expect(version).toBe('3.2.1');
    const driver = createDriver(definition, surroundings({ token: 't' })) as unknown as {
      args: unknown[];
      get(): Promise<never>;
    };
    expect(driver.args).toEqual([{ size: 1, token: 't' }, silentLogger, 'svc', '/lib/x']);
    expect(isVolumeError(await errorOf(driver.get()), 'busy')).toBe(true);
    expect(await errorOf(() => createDriver(definition, surroundings({ size: 'bad' })))).toMatchObject({
      code: 'invalid',
      message: 'service "svc" (other): "size" must be a number.',
    });
  });

  it('takes the default of a CommonJS build', async () => {
    const source = driverSource('cjs').replace('export default', 'exports.default =').replace('export class', 'class');
    const { definition } = await loadPlugin('storage', written(source, { type: 'commonjs' }), roots());
    expect(definition.name).toBe('cjs');
  });

  it('refuses another interface by name and versions', async () => {
    const e = await loading(driverSource('acme', { api: 2 }));
    expect(e.code).toBe('unsupported');
    expect(e.message).toMatch(
      /driver "acme" \(rexray-driver-t\d+ 3\.2\.1, .*index\.js\) was built for plugin interface 2 \(core 9\.9\.9\); this runtime has 1 \(core \d/,
    );
    expect(e.hint).toContain('Update @rexray/runtime');
    expect((await loading(driverSource('acme', { api: 0 }))).hint).toContain('newer version of the plugin');
  });

  it.each([
    ['no default export', 'export const x = 1', 'its default export is not what definePlugin returns'],
    ['a class', 'export default class {}', 'its default export is not what definePlugin returns'],
    ['null', 'export default null', 'its default export is not what definePlugin returns'],
    ['a front end', driverSource('f').replace("kind: 'storage'", "kind: 'frontend'"), 'it is a front end, "f"'],
    ['no schema', driverSource('f').replace(', config,', ', config: {},'), 'it has no config schema'],
    ['no driver', driverSource('f').replace('driver: Driver', 'driver: 1'), 'it has no driver class'],
    ['a syntax error', 'export default {', 'could not be loaded'],
    ['a throw', 'throw new Error("at import")', 'could not be loaded: at import'],
    ['a missing dependency', 'import "not-there-at-all"', 'could not be loaded'],
  ])('says what is wrong with %s', async (_what, source, message) => {
    const e = await loading(source);
    expect(e).toMatchObject({ code: 'invalid', hint: expect.any(String) });
    expect(e.message).toContain(message);
    expect(e.message).toContain('3.2.1');
  });
});

describe('the container', () => {
  const EXTRA = token<{ readonly n: number }>('test-extra');
  const seen: unknown[][] = [];
  class Made {
    constructor(...args: unknown[]) {
      seen.push(args);
    }
  }
  const definition = (deps: readonly symbol[]): StorageDefinition =>
    definePlugin({
      kind: 'storage',
      name: 'made',
      config: schema(Type.Object({ path: Type.String({ default: '/d' }) }, { additionalProperties: false })),
      params: schema(Type.Object({})),
      deps: deps as never,
      driver: Made as never,
    }).plugin;

  it('gives each service its own values and leaves nothing in the global one', async () => {
    // After the runtime, which loads the metadata first.
    const { container } = await import('tsyringe');
    const d = definition([SERVICE, LOGGER, LIB_DIR, EXTRA]);
    seen.length = 0;
    for (const service of ['a', 'b'])
      createDriver(d, { ...surroundings(), service, extra: [provide(EXTRA, { n: seen.length })] });
    expect(seen.map((args) => [args[0], args[3]])).toEqual([
      ['a', { n: 0 }],
      ['b', { n: 1 }],
    ]);
    for (const t of [SERVICE, LOGGER, LIB_DIR, EXTRA]) expect(container.isRegistered(t, true)).toBe(false);
  });

  it('refuses a token that nobody provides, and settings that the schema refuses', async () => {
    const missing = await errorOf(() => createDriver(definition([EXTRA]), surroundings()));
    expect(missing).toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('needs Symbol(@rexray/test-extra), which this runtime does not provide'),
    });
    const unknown = await errorOf(() => createDriver(definition([]), surroundings({ pth: 1 })));
    expect(unknown).toMatchObject({
      code: 'invalid',
      message: 'service "svc" (made): "pth" is not known here.',
      hint: 'Did you mean path?',
    });
  });

  it('makes the other kinds too', () => {
    class Store {
      readonly dir: string;
      constructor(dir: string) {
        this.dir = dir;
      }
    }
    const store = definePlugin({
      kind: 'store',
      name: 's',
      config: schema(Type.Object({})),
      deps: [LIB_DIR],
      create: Store as never,
    }).plugin;
    expect(createPlugin<Store>(store as never, surroundings()).dir).toBe('/lib/x');
  });

  it('resolves what it loads from a folder as a person installs it', async () => {
    install(dir, '@rexray/driver-acme', { files: { 'index.js': driverSource('acme') } });
    const { path } = await loadPlugin('storage', 'acme', roots());
    expect(path).toContain(join('node_modules', '@rexray', 'driver-acme', 'index.js'));
  });
});

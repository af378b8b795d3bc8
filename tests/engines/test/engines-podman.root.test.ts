import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup, EXT4, PODMAN, Podman, suite, World } from '@rexray/rig';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Plugin } from '../src/index.ts';

suite('Podman', { root: true, loop: true, namespaces: true, programs: { ...PODMAN, ...EXT4 } }, () => {
  const cleanup = new Cleanup();
  let world: World;
  let podman: Podman;
  let plugin: Plugin;
  beforeAll(async () => {
    world = await World.open(cleanup);
    plugin = await new Plugin(world).start();
    podman = new Podman(world, ['rexray']);
    await podman.image('busybox:local');
    await podman.image('filled:local', { 'data/www/index.html': { text: 'from the image' } });
  });
  afterAll(() => cleanup.run());
  const run = (...args: string[]): Promise<string> => podman.ok('run', '--rm', '--network', 'none', ...args);
  const detached = (...args: string[]): Promise<string> =>
    podman.ok('run', '-d', '--network', 'none', ...args, 'busybox:local', 'sleep', '600');

  it('create, inspect, ls, run, rm', async () => {
    await podman.ok('volume', 'create', '--driver', 'rexray', '-o', 'size=64MiB', 'v1');
    const [v] = JSON.parse(await podman.ok('volume', 'inspect', 'v1')) as object[];
    expect(v).toMatchObject({ Name: 'v1', Driver: 'rexray' });
    await run('-v', 'v1:/d', 'busybox:local', 'sh', '-c', 'echo kept > /d/f');
    expect(plugin.left()).toEqual([]);
    expect(await run('-v', 'v1:/d', 'busybox:local', 'cat', '/d/f')).toBe('kept');
    expect(
      (await podman.run(['run', '--rm', '--network', 'none', '-v', 'v1:/d:ro', 'busybox:local', 'touch', '/d/x'])).err,
    ).toContain('Read-only');
    expect(await podman.ok('volume', 'ls', '-q')).toBe('v1');
    await podman.ok('volume', 'rm', 'v1');
    expect((await plugin.ask('Get', { Name: 'v1' })).status).toBe(500);
  });

  it('two containers on one volume: the first that ends takes nothing from the other; cp', async () => {
    await podman.ok('volume', 'create', '--driver', 'rexray', '-o', 'size=64MiB', 'two');
    const [a, b] = [await detached('-v', 'two:/d'), await detached('-v', 'two:/d')];
    await podman.ok('exec', a, 'sh', '-c', 'echo both > /d/g');
    expect(await podman.ok('exec', b, 'cat', '/d/g')).toBe('both');
    writeFileSync(join(world.dir, 'in'), 'copied');
    await podman.ok('cp', join(world.dir, 'in'), `${b}:/d/in`);
    await podman.ok('rm', '-f', '-t', '0', a);
    expect(await podman.ok('exec', b, 'cat', '/d/g', '/d/in')).toBe('both\ncopied');
    expect(await plugin.holders('two')).toHaveLength(1);
    await podman.ok('restart', '-t', '0', b);
    expect(await podman.ok('exec', b, 'cat', '/d/g')).toBe('both');
    await podman.ok('rm', '-f', '-t', '0', b);
    expect(plugin.left()).toEqual([]);
    await podman.ok('volume', 'rm', 'two');
  });

  it('copy-up into an empty volume', async () => {
    await podman.ok('volume', 'create', '--driver', 'rexray', '-o', 'size=64MiB', 'www');
    expect(await run('-v', 'www:/data/www', 'filled:local', 'cat', '/data/www/index.html')).toBe('from the image');
    await podman.ok('volume', 'rm', 'www');
  });

  it('a Mount that fails fails the container: it never runs on a private directory', async () => {
    await podman.ok('volume', 'create', '--driver', 'rexray', '-o', 'size=64MiB', 'gone');
    expect((await plugin.ask('Remove', { Name: 'gone' })).status).toBe(200);
    const r = await podman.run(['run', '--rm', '--network', 'none', '-v', 'gone:/d', 'busybox:local', 'touch', '/d/x']);
    expect(r.status).not.toBe(0);
    expect(r.err).toContain('does not exist');
    await podman.run(['volume', 'rm', '-f', 'gone']);
  });

  it('what the plugin has is adopted', async () => {
    await plugin.ask('Create', { Name: 'theirs', Opts: { size: '64MiB' } });
    await podman.ok('volume', 'reload');
    expect(await podman.ok('volume', 'ls', '-q')).toBe('theirs');
    await podman.ok('volume', 'rm', 'theirs');
  });
});

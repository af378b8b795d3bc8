import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BTRFS, Cleanup, DOCKER, Docker, EXT4, mountedFileSystem, suite, until, World, XFS } from '@rexray/rig';
import { expect, it, vi } from 'vitest';
import { Plugin } from '../src/index.ts';

vi.setConfig({ testTimeout: 400_000 });

suite('faults of engine and plugin', {
  root: true,
  loop: true,
  namespaces: true,
  programs: { ...DOCKER, ...EXT4, ...XFS, ...BTRFS },
}, () => {
  interface Scene {
    readonly cleanup: Cleanup;
    readonly world: World;
    readonly docker: Docker;
    readonly plugin: Plugin;
    readonly images: string;
  }
  let free = 2;
  const turn = async (): Promise<void> => {
    await until(() => free > 0, 'its turn came', 600_000, 100);
    free -= 1;
  };
  /** Each has a world of its own: two run side by side, since most of their time is an engine's waiting. */
  const scene =
    (o: { readonly engine?: readonly string[]; readonly small?: boolean }, act: (s: Scene) => Promise<void>) =>
    async (): Promise<void> => {
      const cleanup = new Cleanup();
      await turn();
      try {
        // Made before the world, which keeps what is mounted then.
        const place = o.small === true ? mountedFileSystem(cleanup, 'ext4', '64M') : cleanup.tempDir('rxi-');
        const images = join(place, 'images');
        mkdirSync(images);
        const world = await World.open(cleanup);
        const plugin = await new Plugin(world, { images }).start();
        const docker = await Docker.open(world, o.engine);
        await docker.image('busybox:local');
        await act({ cleanup, world, docker, plugin, images });
      } finally {
        await cleanup.run().finally(() => {
          free += 1;
        });
      }
    };
  /** A container that counts into its volume, with fsync by `sync`, for as long as it lives. */
  const writer = (docker: Docker, name: string, volume: string, ...more: string[]): Promise<string> =>
    docker.ok(
      ...[
        'run',
        '-d',
        '--network',
        'none',
        '--name',
        name,
        '--stop-timeout',
        '1',
        ...more,
        '-v',
        `${volume}:/d`,
        '--volume-driver',
        'rexray',
        'busybox:local',
      ],
      ...['sh', '-c', `i=0; while :; do i=$((i+1)); echo $i >> /d/${name} || exit 9; sleep 0.05; done`],
    );
  const create = (docker: Docker, name: string, ...more: string[]): Promise<string> =>
    docker.ok('volume', 'create', '-d', 'rexray', '-o', 'size=64MiB', ...more, name);
  const lines = async (docker: Docker, volume: string, file: string): Promise<number> =>
    Number(
      await docker.ok(
        'run',
        '--rm',
        '--network',
        'none',
        '-v',
        `${volume}:/d`,
        'busybox:local',
        'sh',
        '-c',
        `wc -l < /d/${file}`,
      ),
    );
  /** What a person does with a holder that leaked. */
  async function release(plugin: Plugin, volume: string): Promise<void> {
    for (const h of await plugin.holders(volume))
      await plugin.rexray('holder', 'release', volume, h.replace(/ .*/, ''));
  }

  it.concurrent(
    'dockerd SIGKILL with live-restore: the container goes on, and its Unmount comes at its end',
    scene({ engine: ['--live-restore'] }, async ({ docker, plugin }) => {
      await create(docker, 'vol');
      await writer(docker, 'ww', 'vol');
      await docker.stop('SIGKILL');
      await docker.start();
      const before = Number(await docker.ok('exec', 'ww', 'sh', '-c', 'wc -l < /d/ww'));
      await until(
        async () => Number(await docker.ok('exec', 'ww', 'sh', '-c', 'wc -l < /d/ww')) > before,
        'it writes on',
      );
      expect(await plugin.holders('vol')).toHaveLength(1);
      await docker.ok('rm', '-f', 'ww');
      expect(plugin.left()).toEqual([]);
      expect(await lines(docker, 'vol', 'ww')).toBeGreaterThanOrEqual(before);
    }),
  );

  it.concurrent(
    'dockerd SIGKILL without live-restore: no Unmount ever comes; the holder is shown, the data is whole, the volume usable',
    scene({}, async ({ docker, plugin }) => {
      await create(docker, 'vol');
      await writer(docker, 'ww', 'vol');
      await until(async () => Number(await docker.ok('exec', 'ww', 'sh', '-c', 'wc -l < /d/ww')) > 3, 'it writes');
      await docker.stop('SIGKILL');
      await docker.start();
      await until(async () => (await docker.ok('ps', '-q')) === '', 'its container was ended');
      expect(await lines(docker, 'vol', 'ww')).toBeGreaterThan(3);
      // S18: without proof it stays, and is shown with its age.
      expect(await plugin.holders('vol')).toHaveLength(1);
      const [v] = JSON.parse(await docker.ok('volume', 'inspect', 'vol')) as [{ Status: { holders: string[] } }];
      expect(v.Status.holders[0]).toMatch(/^engine:[0-9a-f]{64} since /);
      await docker.ok('rm', '-f', 'ww');
      await release(plugin, 'vol');
      expect(plugin.left()).toEqual([]);
      await docker.ok('volume', 'rm', 'vol');
    }),
  );

  it.concurrent(
    'plugin SIGKILL with three containers: they go on; back within 15 s it is not noticed, counts are right',
    scene({}, async ({ docker, plugin }) => {
      await create(docker, 'vol');
      for (const name of ['wa', 'wb', 'wc']) await writer(docker, name, 'vol');
      await plugin.stop('SIGKILL');
      const during = docker.run(['run', '--rm', '--network', 'none', '-v', 'vol:/d', 'busybox:local', 'ls', '/d']);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await plugin.start();
      const r = await during;
      expect([r.status, r.out.trim()]).toEqual([0, 'wa\nwb\nwc']);
      expect(await plugin.holders('vol')).toHaveLength(3);
      for (const [i, name] of ['wa', 'wb', 'wc'].entries()) {
        expect(await docker.ok('inspect', '-f', '{{.State.Running}}', name)).toBe('true');
        await docker.ok('rm', '-f', name);
        expect(await plugin.holders('vol')).toHaveLength(2 - i);
        expect(plugin.left()).toHaveLength(i < 2 ? 2 : 0);
      }
      for (const name of ['wa', 'wb', 'wc']) expect(await lines(docker, 'vol', name)).toBeGreaterThan(3);
    }),
  );

  it.concurrent(
    'plugin SIGKILL with three containers, away for more than 15 s: docker answers within its own time, the lost Unmount leaves one holder',
    scene({}, async ({ docker, plugin }) => {
      await create(docker, 'vol');
      for (const name of ['wa', 'wb', 'wc']) await writer(docker, name, 'vol');
      await plugin.stop('SIGKILL');
      const began = performance.now();
      const [gone] = await Promise.all([docker.run(['rm', '-f', 'wa'], { timeoutMs: 50_000 }), docker.ok('ps')]);
      expect(gone.status).toBe(0);
      expect(performance.now() - began).toBeLessThan(45_000);
      await plugin.start();
      for (const name of ['wb', 'wc'])
        expect(await docker.ok('inspect', '-f', '{{.State.Running}}', name)).toBe('true');
      expect(await plugin.holders('vol')).toHaveLength(3);
      await docker.ok('rm', '-f', 'wb');
      expect(plugin.left()).toHaveLength(2);
      await docker.ok('rm', '-f', 'wc');
      expect(await plugin.holders('vol')).toHaveLength(1);
      expect(await lines(docker, 'vol', 'wa')).toBeGreaterThan(3);
      await release(plugin, 'vol');
      expect(plugin.left()).toEqual([]);
    }),
  );

  it.concurrent(
    'the engine starts while the plugin is down, and the plugin while the engine is: both answer then',
    scene({}, async ({ docker, plugin }) => {
      await create(docker, 'vol');
      await docker.ok(
        'run',
        '--rm',
        '--network',
        'none',
        '-v',
        'vol:/d',
        'busybox:local',
        'sh',
        '-c',
        'echo kept > /d/f',
      );
      await docker.stop();
      await plugin.stop();
      await plugin.start();
      await plugin.stop();
      const engine = docker.start(90_000);
      await engine;
      await plugin.start();
      expect(await docker.ok('run', '--rm', '--network', 'none', '-v', 'vol:/d', 'busybox:local', 'cat', '/d/f')).toBe(
        'kept',
      );
      expect(plugin.left()).toEqual([]);
    }),
  );

  it.concurrent(
    'SIGTERM while a mount runs: it is finished and answered',
    scene({}, async ({ docker, plugin }) => {
      await create(docker, 'vol');
      const running = docker.run([
        ...['run', '-d', '--network', 'none', '--name', 'ww', '--stop-timeout', '1', '-v', 'vol:/d', 'busybox:local'],
        ...['sh', '-c', 'echo x > /d/f; exec sleep 600'],
      ]);
      await until(() => plugin.left().length > 0, 'the mount has begun', 60_000, 2);
      await plugin.stop('SIGTERM');
      await plugin.start();
      expect((await running).status).toBe(0);
      await until(async () => (await docker.run(['exec', 'ww', 'cat', '/d/f'])).out === 'x\n', 'it has its volume');
      expect(await plugin.holders('vol')).toHaveLength(1);
      await docker.ok('rm', '-f', 'ww');
      expect(plugin.left()).toEqual([]);
    }),
  );

  it.concurrent(
    'a full disk during Create: said so, nothing half-made, and it works again when there is room',
    scene({ small: true }, async ({ docker, plugin, images }) => {
      await create(docker, 'first');
      const fill = join(images, '..', 'fill');
      execFileSync('sh', [
        '-c',
        `dd if=/dev/zero of=${fill} bs=64k 2>/dev/null; dd if=/dev/zero of=${fill}2 bs=1k 2>/dev/null; sync; true`,
      ]);
      const r = await docker.run(['volume', 'create', '-d', 'rexray', '-o', 'size=64MiB', 'vol']);
      expect(r.status).not.toBe(0);
      expect(r.err).toMatch(/space|full/i);
      expect((await plugin.ask('List', {})).body.Volumes).toMatchObject([{ Name: 'first' }]);
      rmSync(fill);
      rmSync(`${fill}2`);
      await create(docker, 'vol');
      await docker.ok('volume', 'rm', 'vol', 'first');
      expect(plugin.left()).toEqual([]);
    }),
  );

  it.concurrent(
    'mkfs missing: the error names the package; the volume is mounted once it is there',
    scene({}, async ({ docker, plugin, world }) => {
      await docker.ok('volume', 'create', '-d', 'rexray', '-o', 'size=128MiB', '-o', 'newFsType=btrfs', 'vol');
      const hide = `mkdir d real && mount --bind /usr/sbin real && ln -s ${world.dir}/real/* d/ && rm d/mkfs.btrfs && mount --bind d /usr/sbin`;
      expect((await world.run(['sh', '-c', `cd ${world.dir} && ${hide}`])).status).toBe(0);
      const args = ['run', '--rm', '--network', 'none', '-v', 'vol:/d', 'busybox:local', 'touch', '/d/x'];
      const r = await docker.run(args);
      expect(r.status).toBe(125);
      expect(r.err).toContain('btrfs-progs');
      expect(plugin.left()).toEqual([]);
      await world.run(['umount', '/usr/sbin']);
      await docker.ok(...args);
      expect(plugin.left()).toEqual([]);
    }),
  );

  it.concurrent(
    'a mount that hangs: everything else answers; when the engine gives up, it is rolled back',
    scene({}, async ({ docker, plugin, world }) => {
      const path = (await world.run(['sh', '-c', 'command -v mkfs.btrfs'])).out.trim();
      await docker.ok('volume', 'create', '-d', 'rexray', '-o', 'size=128MiB', '-o', 'newFsType=btrfs', 'stuck');
      await create(docker, 'other');
      const hangs = join(world.dir, 'hangs');
      writeFileSync(hangs, `#!/bin/sh\ntouch ${world.dir}/hanging\nexec sleep 1000\n`);
      chmodSync(hangs, 0o755);
      await world.run(['mount', '--bind', hangs, path]);
      const args = (v: string): string[] => [
        'run',
        '--rm',
        '--network',
        'none',
        '-v',
        `${v}:/d`,
        'busybox:local',
        'touch',
        '/d/x',
      ];
      const stuck = docker.run(args('stuck'));
      await until(async () => (await world.run(['test', '-e', `${world.dir}/hanging`])).status === 0, 'it hangs');
      const began = performance.now();
      expect((await plugin.ask('List', {})).body.Volumes).toHaveLength(2);
      expect((await plugin.ask('Get', { Name: 'stuck' })).status).toBe(200);
      await docker.ok(...args('other'));
      expect(performance.now() - began).toBeLessThan(10_000);
      await docker.stop('SIGKILL');
      await stuck;
      await until(() => plugin.left().length === 0, 'rolled back', 30_000);
      expect(await plugin.holders('stuck')).toEqual([]);
      await world.run(['umount', path]);
      await docker.start();
      await docker.ok(...args('stuck'));
      expect(plugin.left()).toEqual([]);
    }),
  );
});

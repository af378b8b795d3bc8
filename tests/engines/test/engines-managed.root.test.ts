import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Cleanup, DOCKER, Docker, EXT4, loopsBelow, suite, until, WORKSPACE, World, XFS } from '@rexray/rig';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

vi.setConfig({ testTimeout: 600_000, hookTimeout: 900_000 });

suite('the managed plugin', {
  root: true,
  loop: true,
  namespaces: true,
  programs: { ...DOCKER, ...EXT4, ...XFS, npm: 'npm', setpriv: 'util-linux' },
}, () => {
  const NAME = 'rexray/local-loop:test';
  const cleanup = new Cleanup();
  let world: World;
  let docker: Docker;
  let data: string;
  beforeAll(async () => {
    world = await World.open(cleanup);
    docker = await Docker.open(world);
    data = join(world.dir, 'data-of-the-plugin');
    mkdirSync(data);
    await docker.image('busybox:local');
    const built = join(world.dir, 'built');
    const argv = [join(WORKSPACE, 'scripts/docker-plugin.mjs'), '--driver', 'local-loop', '--out', built];
    const { stdout } = await promisify(execFile)(process.execPath, argv, { cwd: WORKSPACE, timeout: 850_000 });
    expect(stdout).toContain(`docker plugin create rexray/local-loop ${built}`);
    await docker.ok('plugin', 'create', NAME, built);
  });
  afterAll(() => cleanup.run());

  const run = (...args: string[]): Promise<string> => docker.ok('run', '--rm', '--network', 'none', ...args);
  const images = (): string => join(data, 'local-loop');
  /** Mounts of volumes, as dockerd sees them. Its data root is bound onto itself, so that each is there twice. */
  const mounted = (): readonly string[] => [
    ...new Set(world.mounts().filter((m) => m.includes('/propagated-mount/volumes/'))),
  ];

  it('set, enable, create, run twice, disable and enable with a container, rm: the data stays where the host has it', async () => {
    // In this test's world process 1 is not where containers run.
    const settings = [`data.source=${data}`, 'REXRAY_FSTYPE=xfs', 'REXRAY_LOGLEVEL=info', 'DOCKER_LEGACY=true'];
    await docker.ok('plugin', 'set', NAME, ...settings, `REXRAY_NODE_MOUNTNAMESPACE=/proc/${docker.pid}`);
    await docker.ok('plugin', 'enable', NAME);
    await docker.ok('volume', 'create', '-d', NAME, '-o', 'size=320MiB', 'managed');
    const [v] = JSON.parse(await docker.ok('volume', 'inspect', 'managed')) as [{ Status: object; Scope: string }];
    expect(v).toMatchObject({ Scope: 'local', Status: { driver: 'local-loop', size: '320 MiB', fsType: 'xfs' } });
    await run('-v', 'managed:/d', 'busybox:local', 'sh', '-c', 'echo kept > /d/f');
    expect([mounted(), loopsBelow(images())]).toEqual([[], []]);
    expect(readdirSync(images())).toContain('managed');

    const args = ['-d', '--network', 'none', '--stop-timeout', '1', '-v', 'managed:/d', 'busybox:local'];
    const id = await docker.ok('run', ...args, 'sh', '-c', 'while :; do date >> /d/log; sleep 0.1; done');
    expect(mounted()).toHaveLength(1);
    expect((await docker.run(['plugin', 'disable', NAME])).err).toContain('in use');
    // The plugin ends under the container, and comes back.
    await docker.ok('plugin', 'disable', '-f', NAME);
    expect(await docker.ok('exec', id, 'cat', '/d/f')).toBe('kept');
    await docker.ok('plugin', 'enable', NAME);
    expect(await docker.ok('exec', id, 'cat', '/d/f')).toBe('kept');
    await docker.ok('volume', 'inspect', 'managed');
    await docker.ok('rm', '-f', id);
    await until(() => mounted().length + loopsBelow(images()).length === 0, 'unmounted with its last container');
    expect(await run('-v', 'managed:/d', 'busybox:local', 'cat', '/d/f')).toBe('kept');

    await docker.ok('plugin', 'disable', '-f', NAME);
    await docker.ok('plugin', 'rm', '-f', NAME);
    // The plugin is gone; the volumes are not.
    expect(readdirSync(images())).toContain('managed');
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(data);
    expect(loopsBelow(images())).toEqual([]);
  });
});

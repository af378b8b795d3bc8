import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { authority, Cleanup, DOCKER, Docker, EXT4, suite, until, World } from '@rexray/rig';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Plugin } from '../src/index.ts';

suite('dockerd', {
  root: true,
  loop: true,
  namespaces: true,
  programs: { ...DOCKER, ...EXT4, openssl: 'openssl' },
}, () => {
  const cleanup = new Cleanup();
  let world: World;
  let docker: Docker;
  let plugin: Plugin;
  beforeAll(async () => {
    world = await World.open(cleanup);
    plugin = await new Plugin(world, { names: ['rexray', 'second'], modules: elsewhere(world) }).start();
    docker = await Docker.open(world);
    await docker.image('busybox:local');
    await docker.image('filled:local', { 'data/www/index.html': { text: 'from the image' } }, ['VOLUME /data/www']);
  });
  afterAll(() => cleanup.run());
  afterEach(() => docker.clear());
  /** Plugins that engines find by a file: a socket that is not in their directory, and a port with TLS. */
  function elsewhere({ dir }: World): Readonly<Record<string, object>> {
    const pems = join(dir, 'pems');
    mkdirSync(pems);
    const ca = authority(pems);
    const { certFile, keyFile } = ca.sign('rexray');
    const engine = ca.sign('engine');
    return {
      aside: { type: 'docker', host: 'unix:///run/aside.sock', discovery: '/etc/docker/plugins/aside.spec' },
      far: {
        type: 'docker',
        host: 'tcp://127.0.0.1:7979',
        tls: { certFile, keyFile, trustedCertsFile: ca.certFile },
        client: { caFile: ca.certFile, certFile: engine.certFile, keyFile: engine.keyFile },
        discovery: '/etc/docker/plugins/far.json',
      },
    };
  }
  const opts = ['-d', 'rexray', '-o', 'size=64MiB'];
  const run = (...args: string[]): Promise<string> => docker.ok('run', '--rm', '--network', 'none', ...args);
  /** What docker says when a command fails. */
  const refused = async (...args: string[]): Promise<string> => {
    const r = await docker.run(args);
    expect(r.status).not.toBe(0);
    return r.err;
  };
  const clean = async (...names: string[]): Promise<void> => {
    await docker.ok('volume', 'rm', ...names);
    expect(plugin.left()).toEqual([]);
  };

  describe('volumes', () => {
    it('create, inspect, ls, rm', async () => {
      expect(await docker.ok('volume', 'create', ...opts, 'v1')).toBe('v1');
      expect(await docker.ok('volume', 'create', ...opts, 'v1')).toBe('v1');
      const [v] = JSON.parse(await docker.ok('volume', 'inspect', 'v1')) as Record<string, never>[];
      expect(v).toMatchObject({
        Name: 'v1',
        Driver: 'rexray',
        Mountpoint: '',
        Scope: 'local',
        Options: { size: '64MiB' },
      });
      expect(v?.Status).toMatchObject({
        service: 'loop',
        driver: 'local-loop',
        size: '64 MiB',
        health: 'ok',
        holders: [],
      });
      expect(Math.abs(Date.parse(v?.CreatedAt ?? '') - Date.now())).toBeLessThan(60_000);
      expect(await docker.ok('volume', 'ls', '-q', '-f', 'driver=rexray')).toBe('v1');
      expect(await docker.ok('volume', 'rm', 'v1')).toBe('v1');
      expect(await docker.ok('volume', 'ls', '-q', '-f', 'driver=rexray')).toBe('');
      expect(await refused('volume', 'inspect', 'v1')).toContain('No such volume');
    });

    it('an option that cannot be read, and several in one', async () => {
      expect(await refused('volume', 'create', '-d', 'rexray', '-o', 'size=10XB', 'bad')).toContain('size');
      expect(await refused('volume', 'create', '-d', 'rexray', '-o', 'siez=10', 'bad')).toContain('siez');
      await docker.ok('volume', 'create', '-d', 'rexray', '-o', 'size=1,iops=150,newFsType=ext4', 'several');
      const [v] = JSON.parse(await docker.ok('volume', 'inspect', 'several')) as [{ Status: object }];
      expect(v.Status).toMatchObject({ size: '1 GiB', iops: 150, fsType: 'ext4' });
      await clean('several');
    });

    it('data stays; read-only; a second container; true Mountpoint; used volumes stay', async () => {
      await run('-v', 'data:/d', '--volume-driver', 'rexray', 'busybox:local', 'sh', '-c', 'echo kept > /d/f');
      expect(await run('-v', 'data:/d', 'busybox:local', 'cat', '/d/f')).toBe('kept');
      expect(await refused('run', '--rm', '-v', 'data:/d:ro', 'busybox:local', 'touch', '/d/x')).toContain('Read-only');
      const a = await docker.ok('run', '-d', '--network', 'none', '-v', 'data:/d', 'busybox:local', 'sleep', '600');
      const b = await docker.ok('run', '-d', '--network', 'none', '-v', 'data:/d', 'busybox:local', 'sleep', '600');
      expect(await plugin.holders('data')).toHaveLength(2);
      await docker.ok('exec', a, 'sh', '-c', 'echo both > /d/g');
      expect(await docker.ok('exec', b, 'cat', '/d/g')).toBe('both');
      expect(await docker.ok('volume', 'inspect', '-f', '{{.Mountpoint}}', 'data')).toBe(
        join(plugin.home, 'var/lib/volumes/data/data'),
      );
      expect(await refused('volume', 'rm', 'data')).toContain('volume is in use');
      expect((await plugin.ask('Remove', { Name: 'data' })).status).toBe(500);
      await docker.ok('rm', '-f', a);
      expect(await docker.ok('exec', b, 'cat', '/d/g')).toBe('both');
      await docker.ok('rm', '-f', b);
      await clean('data');
    });

    it('--mount with volume-opt, the same volume twice, and an anonymous one', async () => {
      const mount = (target: string): string =>
        `type=volume,source=m1,target=${target},volume-driver=rexray,volume-opt=size=64MiB,volume-opt=uid=1000,volume-opt=mode=0750`;
      expect(
        await run(
          '--mount',
          mount('/a'),
          '--mount',
          mount('/b'),
          'busybox:local',
          'sh',
          '-c',
          'echo x > /a/f; cat /b/f; stat -c %u:%a /a',
        ),
      ).toBe('x\n1000:750');
      expect(
        await run(
          '--mount',
          'type=volume,target=/a,volume-driver=rexray,volume-opt=size=64MiB',
          'busybox:local',
          'sh',
          '-c',
          'echo anonymous > /a/f; cat /a/f',
        ),
      ).toBe('anonymous');
      expect(await docker.ok('volume', 'ls', '-q', '-f', 'driver=rexray')).toBe('m1');
      await clean('m1');
    });

    it('S3: created again with overwriteFs, as its task is sent again and again: the data stays', async () => {
      const again = ['-d', 'rexray', '-o', 'size=64MiB', '-o', 'newFsType=ext4', '-o', 'overwriteFs=true', 's3'];
      await docker.ok('volume', 'create', ...again);
      await run('-v', 's3:/d', 'busybox:local', 'sh', '-c', 'echo kept > /d/f');
      expect(
        (await plugin.ask('Create', { Name: 's3', Opts: { size: '64MiB', newfstype: 'ext4', overwritefs: 'true' } }))
          .status,
      ).toBe(200);
      await docker.ok('volume', 'create', ...again);
      expect(await run('-v', 's3:/d', 'busybox:local', 'cat', '/d/f')).toBe('kept');
      await clean('s3');
    });

    it.each(['aside', 'far'])('a plugin that is found by its file: %s', async (name) => {
      await docker.ok('volume', 'create', '-d', name, '-o', 'size=64MiB', `v-${name}`);
      await run('-v', `v-${name}:/d`, 'busybox:local', 'sh', '-c', 'echo kept > /d/f');
      expect(await run('-v', `v-${name}:/d`, 'busybox:local', 'cat', '/d/f')).toBe('kept');
      expect(await docker.ok('volume', 'inspect', '-f', '{{.Driver}}', `v-${name}`)).toBe(name);
      await clean(`v-${name}`);
    });

    it('two plugins of two names at once', async () => {
      await docker.ok('volume', 'create', '-d', 'second', '-o', 'size=64MiB', 'other');
      expect(await docker.ok('volume', 'inspect', '-f', '{{.Driver}}', 'other')).toBe('second');
      await clean('other');
    });
  });

  describe('copy-up', () => {
    it('what the image has at the target comes into an empty volume, once', async () => {
      const show = (): Promise<string> =>
        run('-v', 'www:/data/www', '--volume-driver', 'rexray', 'filled:local', 'cat', '/data/www/index.html');
      expect(await show()).toBe('from the image');
      await run('-v', 'www:/w', 'busybox:local', 'sh', '-c', 'echo mine > /w/index.html');
      expect(await show()).toBe('mine');
      expect(await run('-v', 'www:/w', 'busybox:local', 'ls', '-A', '/w')).toBe('index.html');
      await clean('www');
    });
  });

  describe('docker cp', () => {
    it('S19: into a running container, then stop: the container has its volume to the end', async () => {
      await docker.ok('volume', 'create', ...opts, 'cp');
      const id = await docker.ok(
        'run',
        '-d',
        '--network',
        'none',
        '-v',
        'cp:/d',
        'busybox:local',
        'sh',
        '-c',
        'trap "echo end > /d/end; exit" TERM; while :; do sleep 0.1; done',
      );
      writeFileSync(join(world.dir, 'copied'), 'in');
      await docker.ok('cp', join(world.dir, 'copied'), `${id}:/d/copied`);
      await docker.ok('cp', `${id}:/d/copied`, join(world.dir, 'back'));
      expect(readFileSync(join(world.dir, 'back'), 'utf8')).toBe('in');
      expect(plugin.left()).toHaveLength(2);
      expect(await docker.ok('exec', id, 'cat', '/d/copied')).toBe('in');
      await docker.ok('stop', id);
      expect(plugin.left()).toEqual([]);
      expect(await run('-v', 'cp:/d', 'busybox:local', 'cat', '/d/copied', '/d/end')).toBe('inend');
      await docker.ok('rm', id);
      await clean('cp');
    });
  });

  describe('life of a container', () => {
    it('restart, a start that fails, rm', async () => {
      await docker.ok('volume', 'create', ...opts, 'life');
      const id = await docker.ok(
        'run',
        '-d',
        '--network',
        'none',
        '-v',
        'life:/d',
        'busybox:local',
        'sh',
        '-c',
        'echo x >> /d/log; exec sleep 600',
      );
      await docker.ok('restart', '-t', '0', id);
      await until(async () => (await docker.run(['exec', id, 'cat', '/d/log'])).out === 'x\nx\n', 'started twice');
      expect(await plugin.holders('life')).toHaveLength(1);
      await docker.ok('rm', '-f', id);
      expect(
        await refused('run', '--rm', '--network', 'none', '-v', 'life:/d', 'busybox:local', '/no-such-program'),
      ).toContain('no-such-program');
      expect(plugin.left()).toEqual([]);
      await clean('life');
    });

    it('eight containers at once on one volume', async () => {
      const all = await Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          run(
            '-v',
            'eight:/d',
            '--volume-driver',
            'rexray',
            'busybox:local',
            'sh',
            '-c',
            `echo ${i} > /d/${i}; echo ${i}`,
          ),
        ),
      );
      expect(all).toEqual(['0', '1', '2', '3', '4', '5', '6', '7']);
      expect(await run('-v', 'eight:/d', 'busybox:local', 'ls', '/d')).toBe('0\n1\n2\n3\n4\n5\n6\n7');
      await clean('eight');
    });
  });
});

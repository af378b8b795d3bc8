/** S18 on a real engine: the holder of a container whose engine was killed is dropped on proof, after two looks 130 s apart; that of a running container stays. About five minutes. */
import { join } from 'node:path';
import { Cleanup, DOCKER, Docker, EXT4, suite, until, World } from '@rexray/rig';
import { expect, it } from 'vitest';
import { Plugin } from '../src/index.ts';

suite('holders that an engine lost', {
  root: true,
  loop: true,
  namespaces: true,
  programs: { ...DOCKER, ...EXT4 },
}, () => {
  it('S18: dropped on proof, and never that of a container that runs', async () => {
    const cleanup = new Cleanup();
    try {
      const world = await World.open(cleanup);
      const plugin = await new Plugin(world, { engine: `unix://${join(world.dir, 'd.sock')}` }).start();
      const docker = await Docker.open(world);
      await docker.image('busybox:local');
      const start = (volume: string): Promise<string> =>
        docker.ok(
          ...[
            'run',
            '-d',
            '--network',
            'none',
            '--stop-timeout',
            '1',
            '-v',
            `${volume}:/d`,
            '--volume-driver',
            'rexray',
          ],
          ...['busybox:local', 'sh', '-c', 'while :; do date >> /d/log; sleep 0.2; done'],
        );
      await start('lost');
      await docker.stop('SIGKILL');
      await docker.start();
      await until(async () => (await docker.ok('ps', '-q')) === '', 'its container was ended', 60_000);
      const live = await start('live');
      expect([await plugin.holders('lost'), await plugin.holders('live')].map((h) => h.length)).toEqual([1, 1]);
      const began = performance.now();
      await until(
        async () => (await plugin.holders('lost')).length === 0,
        'the lost holder was dropped',
        600_000,
        1000,
      );
      expect(performance.now() - began).toBeGreaterThan(130_000);
      expect(plugin.log()).toContain('a holder that its engine lost was dropped');
      expect(plugin.left()).toHaveLength(2);
      expect(await plugin.holders('live')).toHaveLength(1);
      expect(await docker.ok('exec', live, 'sh', '-c', 'echo x > /d/x; cat /d/x')).toBe('x');
      await docker.ok('rm', '-f', live);
      expect(plugin.left()).toEqual([]);
      const seen = await docker.ok(
        'run',
        '--rm',
        '--network',
        'none',
        '-v',
        'lost:/d',
        'busybox:local',
        'wc',
        '-l',
        '/d/log',
      );
      expect(Number(seen.split(' ')[0])).toBeGreaterThan(0);
    } finally {
      await cleanup.run();
    }
  }, 900_000);
});

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup, DOCKER, type Docker, EXT4, mountedFileSystem, suite, until, XFS } from '@rexray/rig';
import { expect, it, vi } from 'vitest';
import { type Node, openSwarm, runningOn, tasks } from '../src/index.ts';

vi.setConfig({ testTimeout: 400_000 });

suite('Swarm with two nodes over one directory', {
  root: true,
  loop: true,
  namespaces: true,
  programs: { ...DOCKER, ...XFS, ...EXT4 },
}, () => {
  interface Scene {
    readonly manager: Docker;
    readonly nodes: readonly [Node, Node];
    /** What tasks tell beside their volume, on this host. */
    readonly out: string;
  }
  const scene =
    (fsType: 'xfs' | 'ext4', preempt: boolean, act: (s: Scene) => Promise<void>) => async (): Promise<void> => {
      const cleanup = new Cleanup();
      try {
        const images = join(mountedFileSystem(cleanup, fsType, '2G'), 'volumes');
        mkdirSync(images);
        const out = cleanup.tempDir('rxo-');
        const nodes = await openSwarm(cleanup, { images, preempt });
        await act({ manager: nodes[0].docker, nodes, out });
      } finally {
        await cleanup.run();
      }
    };
  /** Appends `<node> <number>` with fsync for as long as that works, and tells when it does not any more. */
  const WRITER = [
    'n=$(hostname); i=0; trap "exit 0" TERM',
    'while :; do i=$((i+1)); if ! echo "$n $i" >> /d/log || ! sync /d/log; then echo "failed at $i" > /out/$n.failed; exit 9; fi; echo $i > /out/$n; sleep 0.1; done',
  ].join('; ');
  const service = (m: Docker, out: string, node: string): Promise<string> =>
    m.ok(
      ...[
        'service',
        'create',
        '-d',
        '--no-resolve-image',
        '--name',
        'web',
        '--network',
        'host',
        '--hostname',
        '{{.Node.Hostname}}',
      ],
      ...[
        '--stop-grace-period',
        '2s',
        '--restart-delay',
        '1s',
        '--update-order',
        'start-first',
        '--update-failure-action',
        'pause',
      ],
      ...['--constraint', `node.hostname==${node}`, '--mount', `type=bind,source=${out},target=/out`],
      ...['--mount', 'type=volume,source=shared,target=/d,volume-driver=rexray,volume-opt=size=320MiB'],
      ...['busybox:local', 'sh', '-c', WRITER],
    );
  const on = (m: Docker, node: string): Promise<void> =>
    until(() => runningOn(m, 'web', node), `it runs on ${node}`, 60_000, 200).then(() => undefined);
  const move = (m: Docker, from: string, to: string): Promise<string> =>
    m.ok(
      'service',
      'update',
      '-d',
      '--constraint-rm',
      `node.hostname==${from}`,
      '--constraint-add',
      `node.hostname==${to}`,
      'web',
    );
  const update = (m: Docker, ...args: string[]): Promise<string> => m.ok('service', 'update', '-d', ...args, 'web');
  /** Takes a node out of use: its tasks are stopped, and started elsewhere. */
  const drain = async (m: Docker, node: string): Promise<void> => {
    await update(m, '--constraint-rm', `node.hostname==${node}`, '--update-order', 'stop-first');
    await m.ok('node', 'update', '--availability', 'drain', node);
  };
  /** Makes it usable again; the service stays where it is, and the next update starts before it stops. */
  const undrain = async (m: Docker, node: string, stays: string): Promise<void> => {
    await update(m, '--constraint-add', `node.hostname==${stays}`, '--update-order', 'start-first');
    await on(m, stays);
    await m.ok('node', 'update', '--availability', 'active', node);
  };
  const counted = (out: string, node: string): number =>
    existsSync(join(out, node)) ? Number(readFileSync(join(out, node), 'utf8')) : 0;
  /** The log as the node that has the volume sees it. */
  const log = async (n: Node): Promise<readonly string[]> => {
    const id = await n.docker.ok('ps', '-q', '-f', 'name=web');
    return (await n.docker.ok('exec', id, 'cat', '/d/log')).split('\n');
  };
  const mounted = (n: Node): boolean => n.world.mounts().some((m) => m.startsWith(`${n.plugin.home}/`));
  const refusal = (m: Docker, node: string, naming: string): Promise<unknown> =>
    until(
      async () => (await tasks(m, 'web')).some((t) => t.node === node && t.error.includes(naming)),
      `the task on ${node} is refused, naming ${naming}`,
      60_000,
      200,
    );

  it.concurrent(
    'xfs, preempt: drain moves the data; the death of a node: S10, S11: one writer, the loser sees I/O errors',
    scene('xfs', true, async ({ manager, nodes: [one, two], out }) => {
      await service(manager, out, 'n1');
      await on(manager, 'n1');
      await until(() => counted(out, 'n1') > 5, 'it writes');
      // Drain: the engine stops the old task and unmounts; the new node finds all that was written.
      await drain(manager, 'n1');
      await on(manager, 'n2');
      await until(() => counted(out, 'n2') > 3, 'it writes on n2');
      const had = counted(out, 'n1');
      expect((await log(two)).filter((l) => l.startsWith('n1 ')).length).toBeGreaterThanOrEqual(had);
      expect(mounted(one)).toBe(false);
      await manager.ok('node', 'update', '--availability', 'active', 'n1');

      // The engine of n2 dies; its container goes on writing until n1 takes the volume.
      await two.docker.stop('SIGKILL');
      await on(manager, 'n1');
      await until(() => existsSync(join(out, 'n2.failed')), 'the loser’s container sees an error', 20_000);
      const before = await log(one);
      const last = counted(out, 'n2');
      expect(last).toBeGreaterThan(3);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const after = await log(one);
      // Nothing of the loser arrives later; what it had acknowledged before the takeover is there in order.
      expect(after.filter((l) => l.startsWith('n2 '))).toEqual(before.filter((l) => l.startsWith('n2 ')));
      const numbers = after.filter((l) => l.startsWith('n2 ')).map((l) => Number(l.split(' ')[1]));
      expect(numbers).toEqual(numbers.map((_, i) => i + 1));
    }),
  );

  it.concurrent(
    'ext4, preempt: drain moves the data; a start-first update and the death of a node: the second is refused, naming the owner, and the first goes on',
    scene('ext4', true, async ({ manager, nodes: [one, two], out }) => {
      await service(manager, out, 'n1');
      await on(manager, 'n1');
      await until(() => counted(out, 'n1') > 5, 'it writes');
      // Stopped first and started on the other node, as a drain does: it finds all that was written.
      await drain(manager, 'n1');
      await on(manager, 'n2');
      await until(() => counted(out, 'n2') > 5, 'it writes on n2');
      const had = counted(out, 'n1');
      expect((await log(two)).filter((l) => l.startsWith('n1 ')).length).toBeGreaterThanOrEqual(had);
      expect(mounted(one)).toBe(false);
      await undrain(manager, 'n1', 'n2');
      await move(manager, 'n2', 'n1');
      await refusal(manager, 'n1', 'n2');
      expect(await runningOn(manager, 'web', 'n2')).toBe(true);
      expect(mounted(one)).toBe(false);
      const still = counted(out, 'n2');
      await until(() => counted(out, 'n2') > still + 3, 'it writes on');

      await two.docker.stop('SIGKILL');
      await until(
        async () => (await manager.ok('node', 'ls', '--format', '{{.Hostname}} {{.Status}}')).includes('n2 Down'),
        'n2 counts as dead',
        60_000,
        500,
      );
      const dead = counted(out, 'n2');
      await until(() => counted(out, 'n2') > dead + 3, 'its container writes on');
      expect(mounted(one)).toBe(false);
      expect(existsSync(join(out, 'n2.failed'))).toBe(false);
      expect((await tasks(manager, 'web')).filter((t) => t.node === 'n1' && t.state === 'Running')).toEqual([]);
    }),
  );
});

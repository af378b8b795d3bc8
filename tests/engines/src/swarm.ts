import { type Cleanup, connectWorlds, Docker, until, World } from '@rexray/rig';
import { Plugin } from './plugin.ts';

export interface Node {
  readonly world: World;
  readonly docker: Docker;
  readonly plugin: Plugin;
}

/** Two nodes of one swarm over one directory of images, as over network storage. The first is the manager. */
export async function openSwarm(
  cleanup: Cleanup,
  o: { readonly images: string; readonly preempt: boolean },
): Promise<readonly [Node, Node]> {
  const open = async (name: string): Promise<Node> => {
    const world = await World.open(cleanup, name);
    const plugin = new Plugin(world, { images: o.images, shared: true, preempt: o.preempt });
    await plugin.start();
    const docker = await Docker.open(world);
    await docker.image('busybox:local');
    // A node offers a driver to the scheduler once its engine has spoken to it.
    await docker.ok('volume', 'ls');
    return { world, docker, plugin };
  };
  const [one, two] = [await open('n1'), await open('n2')];
  await connectWorlds(one.world, two.world, ['10.77.0.11', '10.77.0.12']);
  const address = (ip: string): string[] => ['--advertise-addr', ip, '--listen-addr', `${ip}:2377`];
  await one.docker.ok('swarm', 'init', ...address('10.77.0.11'));
  const token = await one.docker.ok('swarm', 'join-token', '-q', 'worker');
  await two.docker.ok('swarm', 'join', '--token', token, ...address('10.77.0.12'), '10.77.0.11:2377');
  await until(
    async () =>
      (await one.docker.ok('node', 'ls', '--format', '{{.Hostname}} {{.Status}}')).split('\n').sort().join() ===
      'n1 Ready,n2 Ready',
    'both nodes are ready',
  );
  return [one, two];
}

export interface Task {
  readonly id: string;
  readonly node: string;
  readonly state: string;
  readonly error: string;
}

/** All tasks of a service that the manager remembers, newest first. */
export async function tasks(manager: Docker, service: string): Promise<readonly Task[]> {
  const out = await manager.ok(
    'service',
    'ps',
    '--no-trunc',
    '--format',
    '{{.ID}}|{{.Node}}|{{.CurrentState}}|{{.Error}}',
    service,
  );
  return out
    .split('\n')
    .filter((l) => l !== '')
    .map((l) => {
      const [id = '', node = '', state = '', error = ''] = l.split('|');
      return { id, node, state: state.split(' ')[0] ?? '', error };
    });
}

export const runningOn = async (manager: Docker, service: string, node: string): Promise<boolean> =>
  (await tasks(manager, service)).some((t) => t.node === node && t.state === 'Running');

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { busyboxTar, type ImageFile } from './images.ts';
import type { Ran, RunOptions, World } from './world.ts';

export const PODMAN = { podman: 'podman', runc: 'runc', busybox: 'busybox-static' } as const;

/** Podman in a world, with storage of its own. It has no daemon: each command is a process. */
export class Podman {
  readonly world: World;
  readonly #flags: readonly string[];

  /** @param plugins names of volume plugins, whose sockets are in /run/docker/plugins of the world */
  constructor(world: World, plugins: readonly string[]) {
    this.world = world;
    const conf = join(world.dir, 'containers.conf');
    // It gives a plugin up after 5 s unless told otherwise; a loaded machine takes longer. runc: crun refuses cgroup v1 beside v2. The limits: not every machine may raise them.
    writeFileSync(
      conf,
      `[containers]\ndefault_ulimits=["nofile=1024:4096","nproc=1024:4096"]\n[engine]\nruntime="runc"\ncgroup_manager="cgroupfs"\nevents_logger="file"\nvolume_plugin_timeout=60\n[engine.volume_plugins]\n${plugins.map((p) => `"${p}"="/run/docker/plugins/${p}.sock"\n`).join('')}`,
    );
    const at = (d: string): string => join(world.dir, 'pm', d);
    this.#flags = [
      '--root',
      at('root'),
      '--runroot',
      at('runroot'),
      '--tmpdir',
      at('tmp'),
      '--volumepath',
      at('volumes'),
    ];
    world.cleanup.add(() => this.#tidy());
  }

  run(args: readonly string[], o: RunOptions = {}): Promise<Ran> {
    const env = { CONTAINERS_CONF: join(this.world.dir, 'containers.conf'), ...o.env };
    return this.world.run(['podman', ...this.#flags, ...args], { ...o, env });
  }

  async ok(...args: readonly string[]): Promise<string> {
    const r = await this.run(args);
    if (r.status !== 0) throw new Error(`podman ${args.join(' ')}: status ${r.status}: ${r.err}${r.out}`);
    return r.out.trim();
  }

  async image(name: string, files: Readonly<Record<string, ImageFile>> = {}): Promise<void> {
    const tar = busyboxTar(this.world.dir, files);
    await this.ok('import', '-c', 'ENV PATH=/bin', tar, name);
    rmSync(tar);
  }

  async #tidy(): Promise<void> {
    await this.run(['rm', '-af', '-t', '0'], { timeoutMs: 30_000 });
    for (const target of [...this.world.mounts()].reverse())
      if (target.startsWith(join(this.world.dir, 'pm'))) await this.world.run(['umount', '-l', target]);
  }
}

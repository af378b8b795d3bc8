import type { ChildProcess } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { busyboxTar, type ImageFile } from './images.ts';
import { killAll, lives, until } from './processes.ts';
import type { Ran, RunOptions, World } from './world.ts';

/** Programs of the Docker suites, with the Debian package that brings each. */
export const DOCKER = { dockerd: 'docker.io', busybox: 'busybox-static', ip: 'iproute2' } as const;

/** A real dockerd in a world, without bridge and without touching iptables: its own data, its own containerd. */
export class Docker {
  readonly world: World;
  readonly socket: string;
  readonly #options: readonly string[];
  readonly #network: readonly string[];
  #daemon: ChildProcess | undefined;

  private constructor(world: World, options: readonly string[], bridge: boolean) {
    this.world = world;
    this.socket = join(world.dir, 'd.sock');
    this.#options = options;
    this.#network = bridge ? [] : ['--bridge=none'];
  }

  /** @param o.bridge with docker0, in the network namespace of the world; ports are published by the userland proxy alone */
  static async open(
    world: World,
    options: readonly string[] = [],
    o: { readonly bridge?: boolean } = {},
  ): Promise<Docker> {
    const docker = new Docker(world, options, o.bridge === true);
    writeFileSync(join(world.dir, 'daemon.json'), '{}');
    world.cleanup.add(() => docker.#tidy());
    await docker.start();
    return docker;
  }

  get pid(): number {
    return this.#daemon?.pid ?? 0;
  }

  /** @param ms how long it may take until the API answers */
  async start(ms = 30_000): Promise<void> {
    const { dir } = this.world;
    // A containerd that died with its dockerd leaves its pid; dockerd takes whatever has it for alive.
    rmSync(join(dir, 'exec/containerd/containerd.pid'), { force: true });
    this.#daemon = this.world.start('dockerd', [
      'dockerd',
      ...['--data-root', join(dir, 'data'), '--exec-root', join(dir, 'exec'), '--pidfile', join(dir, 'd.pid')],
      ...['-H', `unix://${this.socket}`, '--config-file', join(dir, 'daemon.json')],
      ...this.#network,
      ...['--iptables=false', '--ip6tables=false', ...this.#options],
    ]);
    const daemon = this.#daemon;
    await until(
      async () => {
        if (!lives(daemon.pid ?? 0)) throw new Error(`dockerd ended: ${this.world.log('dockerd').slice(-2000)}`);
        return this.answers();
      },
      'dockerd answers',
      ms,
      50,
    );
  }

  answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const q = request({ socketPath: this.socket, path: '/_ping', agent: false, timeout: 1000 }, (r) => {
        r.resume();
        resolve(r.statusCode === 200);
      });
      q.on('timeout', () => q.destroy());
      q.on('error', () => resolve(false));
      q.end();
    });
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.#daemon === undefined) return;
    await killAll([this.pid], signal, 60_000);
    // Its containerd goes with it only when it ended by itself.
    if (signal === 'SIGKILL') {
      const pid = Number((await this.world.run(['cat', join(this.world.dir, 'exec/containerd/containerd.pid')])).out);
      if (pid > 0) await killAll([pid]);
      rmSync(join(this.world.dir, 'd.pid'), { force: true });
    }
    this.#daemon = undefined;
  }

  run(args: readonly string[], o: RunOptions = {}): Promise<Ran> {
    return this.world.run(['/usr/bin/docker', ...args], {
      ...o,
      env: { DOCKER_HOST: `unix://${this.socket}`, ...o.env },
    });
  }

  /** Output of a command that must succeed. @throws with what it said */
  async ok(...args: readonly string[]): Promise<string> {
    const r = await this.run(args);
    if (r.status !== 0) throw new Error(`docker ${args.join(' ')}: status ${r.status}: ${r.err}${r.out}`);
    return r.out.trim();
  }

  /** An image of busybox and these files. */
  async image(
    name: string,
    files: Readonly<Record<string, ImageFile>> = {},
    changes: readonly string[] = [],
  ): Promise<void> {
    const tar = busyboxTar(this.world.dir, files);
    const all = ['ENV PATH=/bin', 'CMD ["sh"]', ...changes].flatMap((c) => ['--change', c]);
    await this.ok('import', ...all, tar, name);
    rmSync(tar);
  }

  /** Removes all containers and volumes: between tests. */
  async clear(): Promise<void> {
    const ids = async (...args: string[]): Promise<string[]> =>
      (await this.run(args, { timeoutMs: 20_000 })).out.split('\n').filter((x) => x !== '');
    const containers = await ids('ps', '-aq');
    if (containers.length > 0) await this.run(['rm', '-f', ...containers]);
    const volumes = await ids('volume', 'ls', '-q');
    if (volumes.length > 0) await this.run(['volume', 'rm', '-f', ...volumes]);
  }

  async #tidy(): Promise<void> {
    if (this.#daemon === undefined || !lives(this.pid)) return;
    // While the plugin still runs, so that it gets its Unmounts.
    const ids = (await this.run(['ps', '-aq'], { timeoutMs: 10_000 })).out.split('\n').filter((x) => x !== '');
    if (ids.length > 0) await this.run(['rm', '-f', ...ids], { timeoutMs: 60_000 });
    await this.stop().catch(() => this.stop('SIGKILL'));
    if (existsSync(this.socket)) rmSync(this.socket);
  }
}

import type { ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { killAll, lives, loopsBelow, until, WORKSPACE, type World } from '@rexray/rig';

/** What operators run: the program as it was built (`npm run build`). */
const REXRAY = join(WORKSPACE, 'bin/rexray');

export interface PluginOptions {
  readonly images?: string;
  readonly shared?: boolean;
  readonly preempt?: boolean;
  /** Names of modules, each with a socket of its name. */
  readonly names?: readonly string[];
  readonly engine?: string;
  /** More modules by name, as a configuration has them. */
  readonly modules?: Readonly<Record<string, object>>;
}

/** `rexray start` in a world: the daemon with modules for Docker over image files, on `/run/docker/plugins/<name>.sock`. */
export class Plugin {
  readonly world: World;
  readonly home: string;
  readonly images: string;
  readonly #names: readonly string[];
  #child: ChildProcess | undefined;

  constructor(world: World, o: PluginOptions = {}) {
    this.world = world;
    this.home = join(world.dir, 'home');
    this.images = o.images ?? join(world.dir, 'images');
    this.#names = o.names ?? ['rexray'];
    mkdirSync(join(this.home, 'etc'), { recursive: true });
    // JSON is YAML.
    writeFileSync(join(this.home, 'etc/rexray.yml'), JSON.stringify(this.#configuration(o)));
    world.cleanup.add(() => this.stop('SIGKILL'));
  }

  #configuration(o: PluginOptions): object {
    const module = (name: string): object => ({
      type: 'docker',
      host: `unix:///run/docker/plugins/${name}.sock`,
      ...(o.engine !== undefined && { engine: o.engine }),
    });
    const driver = { volumePath: this.images, shared: o.shared === true };
    return {
      rexray: {
        node: { id: this.world.name, mountNamespace: '/proc/self' },
        modules: { ...Object.fromEntries(this.#names.map((n) => [n, module(n)])), ...o.modules },
      },
      libstorage: {
        service: 'loop',
        server: { services: { loop: { driver: 'local-loop', 'local-loop': driver } } },
        integration: { volume: { operations: { mount: { preempt: o.preempt === true } } } },
      },
    };
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async start(): Promise<this> {
    const env = { HOME: this.home, REXRAY_HOME: this.home };
    const child = this.world.start('plugin', [process.execPath, REXRAY, 'start'], env);
    this.#child = child;
    await until(
      async () => {
        if (!lives(child.pid ?? 0)) throw new Error(`the plugin ended: ${this.log()}`);
        return (await this.ask('/Plugin.Activate').catch(() => undefined))?.status === 200;
      },
      'the plugin answers',
      60_000,
    );
    return this;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const pid = this.pid;
    this.#child = undefined;
    if (pid > 0 && lives(pid)) await killAll([pid], signal, 60_000);
  }

  log(): string {
    return this.world.log('plugin');
  }

  /** A command of the operator, to this daemon. @throws with what it said */
  async rexray(...args: readonly string[]): Promise<string> {
    const env = { HOME: this.home, REXRAY_HOME: this.home };
    const r = await this.world.run([process.execPath, REXRAY, ...args], { env });
    if (r.status !== 0) throw new Error(`rexray ${args.join(' ')}: status ${r.status}: ${r.err}${r.out}`);
    return r.out.trim();
  }

  /** A call, as an engine makes it. */
  ask(
    call: string,
    body?: object,
    name = this.#names[0] ?? 'rexray',
  ): Promise<{ status: number; body: Record<string, unknown> }> {
    const text = body === undefined ? '' : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const q = request(
        {
          socketPath: this.world.inside(`/run/docker/plugins/${name}.sock`),
          path: call.startsWith('/') ? call : `/VolumeDriver.${call}`,
          method: 'POST',
          agent: false,
          headers: { 'Content-Length': Buffer.byteLength(text) },
        },
        (r) => {
          let got = '';
          r.on('data', (d: Buffer) => {
            got += d.toString();
          });
          r.on('end', () => resolve({ status: r.statusCode ?? 0, body: JSON.parse(got) as Record<string, unknown> }));
        },
      );
      q.on('error', reject);
      q.end(text);
    });
  }

  /** Who holds a volume, as its Status says. */
  async holders(name: string): Promise<readonly string[]> {
    const { body } = await this.ask('Get', { Name: name });
    const status = (body.Volume as { Status?: { holders?: string[] } } | undefined)?.Status;
    return status?.holders ?? [];
  }

  /** What is mounted or attached of our volumes. Empty = as before. */
  left(): readonly string[] {
    const mounts = this.world.mounts().filter((m) => m.startsWith(`${this.home}/`));
    return [...mounts.map((m) => `mount ${m}`), ...loopsBelow(this.images).map((l) => `loop ${l}`)];
  }
}

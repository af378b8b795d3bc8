import type { ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FROM_SOURCES, killAll, lives, loopsBelow, NODE24, until, type World } from '@rexray/rig';
import type { PluginStart } from './plugin-main.ts';

const PROGRAM = fileURLToPath(new URL('./plugin-main.ts', import.meta.url));

export interface PluginOptions {
  readonly images?: string;
  readonly shared?: boolean;
  readonly operations?: PluginStart['operations'];
  readonly names?: readonly string[];
  readonly engine?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The plugin in a process of its own in a world, over image files, on `/run/docker/plugins/<name>.sock`. */
export class Plugin {
  readonly world: World;
  readonly home: string;
  readonly images: string;
  readonly #o: PluginOptions;
  #child: ChildProcess | undefined;

  constructor(world: World, o: PluginOptions = {}) {
    this.world = world;
    this.home = join(world.dir, 'home');
    this.images = o.images ?? join(world.dir, 'images');
    this.#o = o;
    mkdirSync(this.home, { recursive: true });
    world.cleanup.add(() => this.stop('SIGKILL'));
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async start(): Promise<this> {
    const { world } = this;
    const names = this.#o.names ?? ['rexray'];
    const spec: PluginStart = {
      home: this.home,
      images: this.images,
      shared: this.#o.shared === true,
      nodeId: world.name,
      ...(this.#o.operations !== undefined && { operations: this.#o.operations }),
      sockets: names.map((n) => ({
        host: `unix:///run/docker/plugins/${n}.sock`,
        ...(this.#o.engine !== undefined && { engine: this.#o.engine }),
      })),
    };
    const child = world.start('plugin', [NODE24, ...FROM_SOURCES, PROGRAM, JSON.stringify(spec)], this.#o.env);
    this.#child = child;
    await until(async () => {
      if (!lives(child.pid ?? 0)) throw new Error(`the plugin ended: ${this.log()}`);
      return (await this.ask('/Plugin.Activate').catch(() => undefined))?.status === 200;
    }, 'the plugin answers');
    return this;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const pid = this.pid;
    this.#child = undefined;
    if (pid > 0 && lives(pid)) await killAll([pid], signal, 30_000);
  }

  log(): string {
    return this.world.log('plugin');
  }

  /** A call, as an engine makes it. */
  ask(
    call: string,
    body?: object,
    name = this.#o.names?.[0] ?? 'rexray',
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

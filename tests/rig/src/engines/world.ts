import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdtempSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cleanup } from '../cleanup.ts';
import { removeTree, Cleanup as Undo } from '../cleanup.ts';
import { killAll, pidsOfNamespace, until } from './processes.ts';

export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
  readonly ms: number;
}

export interface RunOptions {
  /** Killed after this, in ms. */
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** One file system of shared processes: what a machine is to engines. Its own mount, network and uts namespace; its own /run and /etc. */
export class World {
  readonly name: string;
  /** Short: engines make sockets below it, whose paths may have 107 bytes. */
  readonly dir: string;
  readonly #keeper: ChildProcess;
  readonly #link: string;
  /** More that ends with this world, before its processes are killed. */
  readonly cleanup: Undo = new Undo();

  private constructor(name: string, dir: string, keeper: ChildProcess) {
    this.name = name;
    this.dir = dir;
    this.#keeper = keeper;
    this.#link = readlinkSync(`/proc/${keeper.pid}/ns/mnt`);
  }

  /** Everything in it is gone with `cleanup`: its processes by their ids, its mounts with its namespace. */
  static async open(cleanup: Cleanup, name = 'node'): Promise<World> {
    const dir = mkdtempSync(join(tmpdir(), 'rxw-'));
    // Its own /etc: engines write keys there, and look for plugins. No resolver: an engine that looks for an image elsewhere hears no at once instead of after 20 s.
    const script = `set -e
      hostname ${name}
      mount -t tmpfs -o mode=755 tmpfs /run
      mkdir -p /run/docker/plugins /run/lock
      ip link set lo up
      cp -a /etc ${dir}/ 2>/dev/null || :
      rm -f ${dir}/etc/resolv.conf
      echo nameserver 127.0.0.1 > ${dir}/etc/resolv.conf
      mkdir -p ${dir}/etc/docker/plugins
      mount --bind ${dir}/etc /etc
      touch ${dir}/ready
      exec sleep 86400`;
    const keeper = spawn('unshare', ['--mount', '--net', '--uts', '--propagation', 'private', 'sh', '-c', script], {
      stdio: 'ignore',
    });
    cleanup.add(() => removeTree(dir));
    cleanup.add(() => killAll([keeper.pid ?? 0]));
    await until(
      () => existsSync(join(dir, 'ready')) && readFileSync(`/proc/${keeper.pid}/comm`, 'utf8') === 'sleep\n',
      `world ${name} is ready`,
      60_000,
    );
    const world = new World(name, dir, keeper);
    cleanup.add(() => world.#end());
    return world;
  }

  get pid(): number {
    return this.#keeper.pid ?? 0;
  }

  /** Path of a file of this world, as the test's own process reaches it. */
  inside(path: string): string {
    return `/proc/${this.pid}/root${path}`;
  }

  /** Mountpoints in this world. */
  mounts(): readonly string[] {
    return readFileSync(`/proc/${this.pid}/mountinfo`, 'utf8')
      .split('\n')
      .map((l) => l.split(' ')[4] ?? '')
      .filter((t) => t !== '');
  }

  #enter(argv: readonly string[]): string[] {
    return ['--target', String(this.pid), '--mount', '--net', '--uts', '--', ...argv];
  }

  /** A program that stays. Its output goes to `<dir>/<log>.log`. The id of the child is that of the program. */
  start(log: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
    const child = spawn('nsenter', this.#enter(argv), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    const out = createWriteStream(join(this.dir, `${log}.log`), { flags: 'a' });
    child.stdout?.pipe(out, { end: false });
    child.stderr?.pipe(out, { end: false });
    child.once('close', () => out.end());
    return child;
  }

  log(name: string): string {
    const file = join(this.dir, `${name}.log`);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  /** A program that ends. */
  run(argv: readonly string[], o: RunOptions = {}): Promise<Ran> {
    const began = performance.now();
    const child = spawn('nsenter', this.#enter(argv), {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...o.env },
      timeout: o.timeoutMs ?? 60_000,
      killSignal: 'SIGKILL',
    });
    let [out, err] = ['', ''];
    child.stdout.on('data', (d: Buffer) => {
      out += d.toString();
    });
    child.stderr.on('data', (d: Buffer) => {
      err += d.toString();
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(o.input ?? '');
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve({ status: code ?? -1, out, err, ms: performance.now() - began }));
    });
  }

  async #end(): Promise<void> {
    try {
      await this.cleanup.run();
    } finally {
      // Twice: a process may have started another while it was looked for.
      for (let i = 0; i < 3; i++) {
        const pids = pidsOfNamespace(this.#link).filter((p) => p !== this.pid);
        if (pids.length === 0) break;
        await killAll(pids);
      }
    }
  }
}

/** A cable between two worlds, with an address at each end. */
export async function connectWorlds(a: World, b: World, addresses: readonly [string, string]): Promise<void> {
  execFileSync('ip', [
    'link',
    'add',
    'eth0',
    'netns',
    String(a.pid),
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'netns',
    String(b.pid),
  ]);
  const ends: readonly (readonly [World, string, string])[] = [
    [a, addresses[0], addresses[1]],
    [b, addresses[1], addresses[0]],
  ];
  for (const [world, own, other] of ends) {
    const r = await world.run([
      'sh',
      '-ec',
      `ip addr add ${own}/24 dev eth0; ip link set eth0 up; ip route add default via ${other}`,
    ]);
    if (r.status !== 0) throw new Error(`network of ${world.name}: ${r.err}`);
  }
}

/** Two nodes over one directory on real loop devices, each in a mount namespace that outlives its processes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Holder, Snapshot, Volume } from '@rexray/core';
import { type Cleanup, RemoteError } from '@rexray/rig';
import type { Bundle } from './bundle.ts';
import type { Answer, Seen, World } from './check-sequence.ts';
import type { LoopsStart } from './loops-main.ts';
import type { Node, Op } from './model.ts';
import { NOTHING } from './perform.ts';
import type { Crash, Fault } from './sequence.ts';

const UNIT = 2 ** 20;

/** A process in the namespace of a keeper, driven by lines of JSON. */
class NodeOfLoops {
  readonly #bundle: Bundle;
  readonly #start: LoopsStart;
  readonly #keeper: ChildProcess;
  readonly #waiting = new Map<number, { resolve(x: unknown): void; reject(e: unknown): void }>();
  #child: ChildProcess | undefined;
  #next = 0;

  constructor(cleanup: Cleanup, bundle: Bundle, start: LoopsStart) {
    this.#bundle = bundle;
    this.#start = start;
    this.#keeper = spawn('unshare', ['--mount', '--propagation', 'private', 'sleep', 'infinity'], { stdio: 'ignore' });
    cleanup.add(() => void this.#keeper.kill('SIGKILL'));
    cleanup.add(() => this.kill());
  }

  get alive(): boolean {
    return this.#child !== undefined;
  }

  async begin(): Promise<void> {
    // The namespace is there once the keeper has become what it runs.
    while (!(await isSleep(this.#keeper.pid ?? 0))) await new Promise((resolve) => setTimeout(resolve, 10));
    const { program, args, env } = this.#bundle;
    const argv = ['-t', String(this.#keeper.pid), '-m', program, ...args, JSON.stringify(this.#start)];
    const child = spawn('nsenter', argv, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } });
    child.stdin?.on('error', () => {});
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined;
      for (const w of this.#waiting.values()) w.reject(new Error('the node died'));
      this.#waiting.clear();
    });
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => this.#told(line));
    this.#child = child;
  }

  #told(line: string): void {
    const { id, result, error } = JSON.parse(line) as {
      id: number;
      result?: unknown;
      error?: ConstructorParameters<typeof RemoteError>[0];
    };
    const w = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) w?.resolve(result);
    else w?.reject(new RemoteError(error));
  }

  call<T>(verb: string, ...args: unknown[]): Promise<T> {
    this.#next += 1;
    const id = this.#next;
    return new Promise<T>((resolve, reject) => {
      if (this.#child === undefined) return reject(new Error('the node died'));
      this.#waiting.set(id, { resolve: resolve as (x: unknown) => void, reject });
      this.#child.stdin?.write(`${JSON.stringify({ id, verb, args })}\n`);
    });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }
}

async function isSleep(pid: number): Promise<boolean> {
  const { readFile } = await import('node:fs/promises');
  return (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim() === 'sleep';
}

/** How far into its verbs a node dies, in ms for each call that the simulated one would still make. */
const CRASH_STEP_MS = 12;

export class Loops {
  readonly nodes: readonly [NodeOfLoops, NodeOfLoops];
  #sequence = 0;

  private constructor(nodes: readonly [NodeOfLoops, NodeOfLoops]) {
    this.nodes = nodes;
  }

  static async open(cleanup: Cleanup, bundle: Bundle, shared: string): Promise<Loops> {
    mkdirSync(shared, { recursive: true });
    const node = (name: string): NodeOfLoops =>
      new NodeOfLoops(cleanup, bundle, { home: cleanup.tempDir(`rexray-${name}-`), shared, nodeId: name });
    const nodes = [node('node-0'), node('node-1')] as const;
    for (const n of nodes) await n.begin();
    return new Loops(nodes);
  }

  /** A world of its own for each sequence, by a prefix of its names: starting nodes takes longest. */
  world(): World {
    this.#sequence += 1;
    return new WorldOfLoops(this.nodes, `q${this.#sequence}-`);
  }
}

class WorldOfLoops implements World {
  readonly #nodes: readonly [NodeOfLoops, NodeOfLoops];
  readonly #prefix: string;
  #crash: NodeJS.Timeout | undefined;
  #dying: Promise<void> | undefined;

  constructor(nodes: readonly [NodeOfLoops, NodeOfLoops], prefix: string) {
    this.#nodes = nodes;
    this.#prefix = prefix;
  }

  async run(node: Node, verb: Op): Promise<Answer> {
    try {
      return (await this.#nodes[node].call('perform', verb, this.#prefix)) === NOTHING ? NOTHING : 'ok';
    } catch (e) {
      if (!(e instanceof RemoteError)) return 'died';
      if (verb.op === 'write' && e.code === 'not_found') return 'ok';
      return e.code === 'internal' ? `bug: ${e.message}` : e.code;
    }
  }

  arm(faults: readonly Fault[], crash: Crash | undefined): void {
    // A node that dies before it has heard of them has no faults.
    for (const n of this.#nodes) n.call('arm', faults).catch(() => undefined);
    if (crash === undefined) return;
    const node = this.#nodes[crash.node];
    this.#crash = setTimeout(
      () => {
        this.#dying = node.kill();
      },
      1 + crash.after * CRASH_STEP_MS,
    );
  }

  async heal(restart: readonly Node[]): Promise<void> {
    clearTimeout(this.#crash);
    await this.#dying;
    this.#dying = undefined;
    for (const [i, n] of this.#nodes.entries()) {
      if (!n.alive) await n.begin();
      await n.call('arm', []);
      if (!restart.includes(i as Node) || !(await n.call<boolean>('reopen'))) continue;
      await n.kill();
      await n.begin();
    }
  }

  async see(): Promise<Seen> {
    const volumes: Record<string, Seen['volumes'][string]> = {};
    const short = (x: string): string => x.slice(this.#prefix.length);
    for (const [i, n] of this.#nodes.entries()) {
      for (const v of await n.call<readonly Volume[]>('list', this.#prefix)) {
        const known = volumes[short(v.name)] ?? { size: v.sizeBytes / UNIT, holders: [{}, {}] };
        const owner = v.attachments.some((a) => a.here) ? (i as Node) : undefined;
        volumes[short(v.name)] = owner === undefined ? known : { ...known, owner };
      }
      for (const h of await n.call<readonly (Holder & { volume: string })[]>('holders')) {
        const of = h.volume.startsWith(this.#prefix) ? volumes[short(h.volume)] : undefined;
        if (of !== undefined) (of.holders[i as Node] as Record<string, number>)[h.holder] = h.count;
      }
    }
    const names = (await this.#nodes[0].call<readonly Snapshot[]>('snapshots')).map((x) => x.name);
    return {
      volumes,
      snapshots: names
        .filter((x) => x.startsWith(this.#prefix))
        .map(short)
        .sort(),
    };
  }

  async content(node: Node, name: string): Promise<string | undefined> {
    return (await this.#nodes[node].call<string | null>('content', `${this.#prefix}${name}`)) ?? undefined;
  }

  async leaks(node: Node): Promise<readonly string[]> {
    const found = [...(await this.#nodes[node].call<readonly string[]>('leaks', this.#prefix))];
    const mounts = await Promise.all(this.#nodes.map((n) => n.call<number>('mounts')));
    const loops = await this.#nodes[node].call<number>('loops');
    const all = mounts.reduce((a, b) => a + b, 0);
    if (loops !== all) found.push(`${loops} loop devices for ${all} mounts`);
    return found;
  }

  /** Nothing of the sequence is left for the next one. */
  async close(): Promise<void> {
    await this.heal([]);
    for (const n of this.#nodes) await n.call('clear', this.#prefix);
    await this.#nodes[0].call('remove', this.#prefix);
  }
}

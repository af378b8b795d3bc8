import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { Cleanup } from '@rexray/rig';
import type { Bundle } from './bundle.ts';
import type { Order, Told } from './kill-main.ts';

export interface Ended {
  readonly signal: NodeJS.Signals | null;
  /** Absent when it was killed. */
  readonly told: Told | undefined;
}

/** Processes that wait for their order: starting one takes longer than what it then does. */
export class Victims {
  readonly #ready: Victim[] = [];
  readonly #bundle: Bundle;
  readonly #wanted: number;
  #closed = false;

  constructor(cleanup: Cleanup, bundle: Bundle, wanted = 2) {
    this.#bundle = bundle;
    this.#wanted = wanted;
    cleanup.add(() => {
      this.#closed = true;
      for (const v of this.#ready.splice(0)) v.child.kill('SIGKILL');
    });
    this.#fill();
  }

  #fill(): void {
    while (!this.#closed && this.#ready.length < this.#wanted) this.#ready.push(this.#start());
  }

  #start(): Victim {
    const child = spawn(this.#bundle.program, this.#bundle.args, {
      // A process group of its own: whatever it leaves behind can be told by it.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...this.#bundle.env },
    });
    const said = { out: '', err: '' };
    child.stdin?.on('error', () => {});
    child.stdout?.on('data', (d: Buffer) => {
      said.out += d;
    });
    child.stderr?.on('data', (d: Buffer) => {
      said.err += d;
    });
    const ended = new Promise<NodeJS.Signals | null>((resolve) => {
      child.once('error', () => resolve(null));
      // Not `close`: a child that inherited the pipe may live on.
      child.once('exit', (_code, signal) => setTimeout(() => resolve(signal), 5));
    });
    return { child, said, ended };
  }

  /** @throws when it failed otherwise than by being killed, or hangs */
  async run(order: Order): Promise<Ended> {
    const { child, said, ended } = this.#ready.shift() ?? this.#start();
    this.#fill();
    child.stdin?.end(`${JSON.stringify(order)}\n`);
    let hangs = false;
    const timer = setTimeout(() => {
      hangs = true;
      child.kill('SIGKILL');
    }, HANGS_MS);
    const signal = await ended;
    clearTimeout(timer);
    await groupEnds(child.pid ?? 0);
    if (hangs) throw new Error(`${order.scenario} at ${order.at} hung: ${said.err}`);
    if (signal === 'SIGKILL') return { signal, told: undefined };
    if (said.out === '') throw new Error(`${order.scenario} at ${order.at}: ${said.err}`);
    return { signal, told: JSON.parse(said.out) as Told };
  }
}

interface Victim {
  readonly child: ChildProcess;
  readonly said: { out: string; err: string };
  readonly ended: Promise<NodeJS.Signals | null>;
}

/** Longer than any verb's deadline here may take on a loaded machine. */
const HANGS_MS = 60_000;

/** Pids of a process group that still live. */
export function groupOf(pgid: number): readonly string[] {
  return readdirSync('/proc')
    .filter((n) => /^\d+$/.test(n))
    .flatMap((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        if (Number(group) !== pgid || state === 'Z') return [];
        return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`];
      } catch {
        return [];
      }
    });
}

/** S14: children die with their parent; a generous poll, since a kernel call may have to end first. */
async function groupEnds(pgid: number): Promise<void> {
  for (let i = 0; i < 400; i++) {
    if (groupOf(pgid).length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, i < 20 ? 5 : 50));
  }
  throw new Error(`children outlived their parent: ${groupOf(pgid).join('; ')}`);
}

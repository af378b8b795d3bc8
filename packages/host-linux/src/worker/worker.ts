import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type HostDriver, VolumeError } from '@rexray/core';
import type { HostConfig } from '../config.ts';
import { findProgram } from '../programs.ts';
import { childChannel, RpcClient } from '../rpc/index.ts';
import { HOST_SHAPE } from './shape.ts';

/** How a worker is started; the defaults run this package's own entry with this process's program. */
export interface WorkerProgram {
  readonly program?: string;
  /** Arguments before the entry's path. */
  readonly args?: readonly string[];
  /** Absolute path of the entry. */
  readonly entry?: string;
}

const isSource = import.meta.url.endsWith('.ts');
const ENTRY = fileURLToPath(new URL(isSource ? '../worker-main.ts' : '../worker-main.js', import.meta.url));
const START_MS = 15_000;

/** Debugger ports cannot be shared with a child. */
const ownArgs = (): string[] => process.execArgv.filter((a) => !a.startsWith('--inspect'));

/** One worker process: serves one session at a time. */
export class Worker {
  readonly pid: number;
  readonly client: RpcClient;
  readonly #child: ChildProcess;
  #host: Promise<Pick<HostDriver, 'open'>> | undefined;
  /** Told once, when it has ended or was given up. */
  onGone: () => void = () => {};
  #gone = false;

  constructor(config: HostConfig, o: WorkerProgram) {
    const command = [o.program ?? process.execPath, ...(o.args ?? ownArgs()), o.entry ?? ENTRY, JSON.stringify(config)];
    const setpriv = findProgram('setpriv');
    // It hears of our death even while it hangs: by signal, which the kernel keeps for it (S14).
    if (setpriv !== undefined) command.unshift(setpriv, '--pdeathsig', 'KILL', '--');
    this.#child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.pid = this.#child.pid ?? 0;
    this.client = new RpcClient(childChannel(this.#child));
    const end = (): void => this.#end();
    for (const event of ['exit', 'error', 'disconnect'] as const) this.#child.once(event, end);
  }

  get gone(): boolean {
    return this.#gone;
  }

  #end(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.client.end();
    this.onGone();
  }

  /** @throws `unavailable` when it does not start */
  host(): Promise<Pick<HostDriver, 'open'>> {
    this.#host ??= this.#start();
    return this.#host;
  }

  async #start(): Promise<Pick<HostDriver, 'open'>> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no greeting within ${START_MS} ms`)), START_MS);
    });
    try {
      const { root } = await Promise.race([this.client.ready, late]);
      return this.client.object(root, HOST_SHAPE);
    } catch (e) {
      this.abandon();
      throw new VolumeError('unavailable', `The host worker process does not start: ${(e as Error).message}`, {
        details: { expected: ENTRY },
        cause: e,
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** When the process has really ended; for one that hangs that may be never. */
  whenEnded(f: () => void): void {
    this.#child.once('exit', f);
  }

  /** While it serves nobody it does not keep this process alive. */
  idle(on: boolean): void {
    if (on) {
      this.#child.unref();
      this.#child.channel?.unref();
    } else {
      this.#child.ref();
      this.#child.channel?.ref();
    }
  }

  /** Gives it up: no call waits any more. The kernel ends it when it leaves the call in which it hangs, not before. */
  abandon(): void {
    this.#child.kill('SIGKILL');
    this.idle(true);
    this.#end();
  }

  /** Lets it end by itself; resolves when it has, or after `ms`. */
  async stop(ms = 2000): Promise<void> {
    if (this.#gone) return;
    this.idle(false);
    const exited = new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), ms);
      this.#child.once('exit', () => {
        clearTimeout(timer);
        resolve(true);
      });
    });
    if (this.#child.connected) this.#child.disconnect();
    if (!(await exited)) this.abandon();
  }
}

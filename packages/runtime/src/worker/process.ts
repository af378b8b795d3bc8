import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Ctx, type Logger, VolumeError } from '@rexray/core';
import type { DriverStart } from './shape.ts';

const START_MS = 15_000;
/** A process that says nothing for so long with an overdue call is given up, in ms. */
export const SILENT_MS = 8_000;
const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'];

/** The process hears of its parent's death even while it hangs: by signal, which the kernel keeps for it (S14). */
const pdeathsig = (): readonly string[] => {
  const setpriv = SETPRIV.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  return setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'KILL', '--'];
};

const entry = (): string => {
  const built = fileURLToPath(new URL('main.js', import.meta.url));
  return existsSync(built) ? built : fileURLToPath(new URL('main.ts', import.meta.url));
};

interface Call {
  readonly op: string;
  readonly since: number;
  /** Deadline of its caller, on this process's clock. */
  readonly deadline: number;
}

/** One process of a driver, and what it is doing. */
export class DriverProcess {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #calls = new Set<Call>();
  readonly #ready: Promise<(ctx: Ctx, op: string, args: readonly unknown[]) => Promise<unknown>>;
  #heard = performance.now();
  #ended = false;

  constructor(start: DriverStart, logger: Logger) {
    const [program = '', ...args] = [
      ...pdeathsig(),
      process.execPath,
      ...process.execArgv.filter((a) => !a.startsWith('--inspect')),
      entry(),
    ];
    this.#child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], cwd: '/' });
    this.pid = this.#child.pid ?? 0;
    const end = (): void => {
      this.#ended = true;
    };
    this.#child.once('exit', end).once('error', end);
    this.#child.on('message', (m) => {
      this.#heard = performance.now();
      const said = m as { t?: string; level?: keyof Logger; fields?: object; message?: string };
      if (said.t === 'log' && said.level !== undefined)
        logger[said.level]({ service: start.service, ...said.fields }, said.message ?? '');
    });
    this.#child.send(start, () => {});
    this.#ready = this.#greet(start);
    this.#ready.catch(() => {});
  }

  /** The process is gone; what it was doing will not happen any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Calls that have passed their callers' deadlines while the process said nothing at all since they began. */
  stuckIn(now = performance.now()): Call | undefined {
    return [...this.#calls].find((c) => c.deadline < now && this.#heard < c.since);
  }

  async call(op: string, args: readonly unknown[], ctx: Ctx): Promise<unknown> {
    const verb = await this.#ready;
    const call: Call = { op, since: performance.now(), deadline: ctx.deadline };
    this.#calls.add(call);
    this.#hold();
    try {
      return await verb(patient(ctx), op, args);
    } finally {
      this.#calls.delete(call);
      if (this.#calls.size === 0) this.#letGo();
    }
  }

  /** While it serves nobody it does not keep this process alive. */
  #letGo(): void {
    this.#child.unref();
    this.#child.channel?.unref();
  }
  #hold(): void {
    this.#child.ref();
    this.#child.channel?.ref();
  }

  async #greet(start: DriverStart): Promise<(ctx: Ctx, op: string, args: readonly unknown[]) => Promise<unknown>> {
    const { childChannel, RpcClient } = await import('@rexray/host-linux/rpc');
    const client = new RpcClient(childChannel(this.#child));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no greeting within ${START_MS} ms`)), START_MS);
    });
    try {
      const { root } = await Promise.race([client.ready, late]);
      return (ctx, op, args) => client.call(root.object, op, [...args, ctx]);
    } catch (e) {
      this.kill();
      throw new VolumeError('unavailable', `The process of the driver of service "${start.service}" does not start.`, {
        details: { expected: start.module },
        hint: 'Its own words stand in the log, before this.',
        cause: e,
      });
    } finally {
      clearTimeout(timer);
    }
  }

  kill(): void {
    this.#child.kill('SIGKILL');
    this.#letGo();
  }

  /** Lets it end by itself; resolves when it has, or kills it after `ms`. */
  async stop(ms = 2000): Promise<void> {
    if (this.#ended) return;
    this.#hold();
    const exited = new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), ms);
      this.#child.once('exit', () => {
        clearTimeout(timer);
        resolve(true);
      });
    });
    if (this.#child.connected) this.#child.disconnect();
    if (!(await exited)) this.kill();
  }
}

/** The far side rolls back when its caller goes; only when it does not even answer that is the call given up here. */
const patient = (ctx: Ctx): Ctx => ({
  signal: ctx.signal,
  deadline: Math.max(ctx.deadline, performance.now() + SILENT_MS) + 2_000,
  requestId: ctx.requestId,
  ...(ctx.node !== undefined && { node: ctx.node }),
  progress: (p) => ctx.progress(p),
});

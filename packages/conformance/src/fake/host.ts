import type { Ctx, HostDriver, HostFacts, HostSession, MountEntry, ProcessIdentity } from '@rexray/core';
import type { FakeMachine } from './machine.ts';
import { simulatedCrash } from './machine.ts';
import { FakeSession } from './session.ts';

/** A host driver over a {@link FakeMachine}: one process of it. It refuses what a kernel refuses, and dies when told. */
export class FakeHost implements HostDriver {
  readonly machine: FakeMachine;
  readonly self: ProcessIdentity;
  #closed = false;

  constructor(machine: FakeMachine, self: ProcessIdentity) {
    this.machine = machine;
    this.self = self;
  }

  get alive(): boolean {
    return this.machine.hosts.has(this);
  }

  facts(ctx: Ctx): Promise<HostFacts> {
    const { machine: m } = this;
    return this.act('facts', ctx, {}, () => ({
      nodeId: m.nodeId,
      hostname: m.hostname,
      bootId: m.bootId,
      macs: ['02:00:00:00:00:01'],
      kernel: 'fake',
      root: m.o.root ?? true,
      loop: true,
      missing: m.o.missing ?? {},
    }));
  }

  async open(key: string, ctx: Ctx): Promise<HostSession> {
    return this.act('open', ctx, { key }, async () => {
      const release = await this.machine.locks.take(key, this, ctx);
      return new FakeSession(this, key, release);
    });
  }

  mounts(below: string, ctx: Ctx): Promise<readonly MountEntry[]> {
    return this.act('mounts', ctx, { below }, () =>
      [...this.machine.mounts.values()]
        .filter((m) => m.target === below || m.target.startsWith(`${below.replace(/\/$/, '')}/`))
        .sort((a, b) => (a.target < b.target ? -1 : 1))
        .map((m) => ({
          mountId: m.mountId,
          devno: m.devno,
          root: '/',
          target: m.target,
          fsType: m.fsType,
          source: m.device.path,
          readonly: m.readonly,
        })),
    );
  }

  /** This JavaScript process stands for the simulated one that asks. */
  identify(pid: number, ctx: Ctx): Promise<ProcessIdentity | undefined> {
    return this.act('identify', ctx, { pid }, () => (pid === process.pid ? this.self : this.machine.identity(pid)));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.machine.kill(this);
  }

  /** @internal Every call goes through here: it is recorded, and it may be the one at which the process dies. */
  async act<T>(
    call: string,
    ctx: Ctx,
    detail: Readonly<Record<string, unknown>>,
    effect: () => T | Promise<T>,
  ): Promise<T> {
    if (!this.alive) throw simulatedCrash(call);
    ctx.signal.throwIfAborted();
    this.machine.calls.push({
      call,
      detail,
      pid: this.self.pid,
      ...(typeof detail.key === 'string' && { key: detail.key }),
    });
    await this.machine.trap(call, 'before')?.(this, ctx);
    if (!this.alive) throw simulatedCrash(call);
    const result = await effect();
    await this.machine.trap(call, 'after')?.(this, ctx);
    if (!this.alive) throw simulatedCrash(call);
    return result;
  }
}

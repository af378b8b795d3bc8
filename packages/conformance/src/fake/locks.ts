import { type Ctx, remaining, VolumeError } from '@rexray/core';
import type { FakeHost } from './host.ts';

interface Held {
  readonly by: FakeHost;
  readonly since: string;
  readonly waiting: { readonly by: FakeHost; go(): void }[];
}

/** One lock a volume on a simulated machine (S4): first come, first served, with a deadline. */
export class FakeLocks {
  readonly #held: Map<string, Held> = new Map();

  /** @returns what gives it back @throws VolumeError `busy` after the deadline, naming who has it */
  async take(key: string, by: FakeHost, ctx: Ctx): Promise<() => void> {
    ctx.signal.throwIfAborted();
    const held = this.#held.get(key);
    if (held === undefined) this.#held.set(key, { by, since: new Date().toISOString(), waiting: [] });
    else await this.#wait(key, held, by, ctx);
    let mine = true;
    return () => {
      if (mine) this.#pass(key, by);
      mine = false;
    };
  }

  /** Everything that a dead process had or waited for. */
  drop(by: FakeHost): void {
    for (const [key, held] of [...this.#held]) {
      const still = held.waiting.filter((w) => w.by !== by);
      held.waiting.splice(0, held.waiting.length, ...still);
      if (held.by === by) this.#pass(key, by);
    }
  }

  held(): readonly string[] {
    return [...this.#held.keys()];
  }

  #pass(key: string, by: FakeHost): void {
    const held = this.#held.get(key);
    if (held?.by !== by) return;
    const next = held.waiting.shift();
    if (next === undefined) this.#held.delete(key);
    else {
      this.#held.set(key, { by: next.by, since: new Date().toISOString(), waiting: held.waiting });
      next.go();
    }
  }

  #wait(key: string, held: Held, by: FakeHost, ctx: Ctx): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (then: () => void): void => {
        clearTimeout(timer);
        ctx.signal.removeEventListener('abort', abort);
        then();
      };
      const me = { by, go: () => end(resolve) };
      const leave = (): void => {
        const waiting = this.#held.get(key)?.waiting;
        const at = waiting?.indexOf(me) ?? -1;
        if (at >= 0) waiting?.splice(at, 1);
      };
      const abort = (): void => {
        leave();
        end(() => reject(ctx.signal.reason as Error));
      };
      const late = (): void => {
        leave();
        const { pid } = held.by.self;
        const message = `Another operation has the volume: process ${pid}, since ${held.since}.`;
        end(() => reject(new VolumeError('busy', message, { details: { op: 'lock', pid, since: held.since } })));
      };
      const timer = setTimeout(late, remaining(ctx));
      ctx.signal.addEventListener('abort', abort, { once: true });
      held.waiting.push(me);
    });
  }
}

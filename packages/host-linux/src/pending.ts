import { closeSync, constants, openSync } from 'node:fs';
import { type Ctx, remaining, VolumeError } from '@rexray/core';

/**
 * Kernel calls that may block, run on pool threads. One that passes its deadline is reported as `timeout`, but goes on:
 * the lock of its volume must stay until it is done (S14), so this keeps count of what is under way.
 */
export class Pending {
  readonly #open = new Map<Promise<unknown>, string>();

  /** What still runs; empty = the lock may be given back. */
  get ops(): readonly string[] {
    return [...this.#open.values()];
  }

  /** Resolves when nothing runs any more. */
  async settled(): Promise<void> {
    while (this.#open.size > 0) await Promise.allSettled(this.#open.keys());
  }

  /** Waits for a call until the deadline. @throws `timeout` (outcome unknown), or what the call threw */
  async run<T>(op: string, call: Promise<T>, ctx: Pick<Ctx, 'deadline'>): Promise<T> {
    const done = (): void => {
      this.#open.delete(call);
    };
    this.#open.set(call, op);
    call.then(done, done);
    return new Promise<T>((resolve, reject) => {
      const ms = remaining(ctx);
      const timer = setTimeout(() => reject(late(op, ms)), ms);
      call.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }
}

const late = (op: string, afterMs: number): VolumeError<'timeout'> =>
  new VolumeError('timeout', `The kernel did not finish ${op} in time; it may still do so.`, {
    details: { step: op, afterMs: Math.round(afterMs) },
    hint: 'The volume stays locked until it does. Look at the kernel log (dmesg) and at the storage behind it.',
  });

/** Gives a descriptor of the root of a mount to `body`. */
export async function onMount(target: string, body: (fd: number) => Promise<unknown>): Promise<void> {
  const fd = openSync(target, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    await body(fd);
  } finally {
    closeSync(fd);
  }
}

/** Sections that must reach their end: a lock of a machine outlives the process that took it. */
let inside = 0;
let asked: NodeJS.Signals | undefined;
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

const note = (signal: NodeJS.Signals): void => {
  asked ??= signal;
};

/**
 * Runs `body` to its end although the process is told to end: without a handler of its own the process dies right after the
 * section instead of in the middle of it. Where the program has handlers, they decide, as always.
 */
export async function uninterrupted<T>(body: () => Promise<T>): Promise<T> {
  inside += 1;
  if (inside === 1) for (const s of SIGNALS) process.on(s, note);
  try {
    return await body();
  } finally {
    inside -= 1;
    if (inside === 0) {
      for (const s of SIGNALS) process.off(s, note);
      const signal = asked;
      asked = undefined;
      // Only we had kept it alive.
      if (signal !== undefined && process.listenerCount(signal) === 0) process.kill(process.pid, signal);
    }
  }
}

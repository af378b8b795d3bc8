import { writeSync } from 'node:fs';
import type { Stop } from './volumes.ts';

/** The outside of a run. */
export interface Io {
  /** Throws EPIPE when the reader has gone: then nobody will ever hear of what was done. */
  out(text: string): void;
  err(text: string): void;
  /** Standard input, line by line as it comes. */
  lines(): AsyncIterable<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Path of this program, as `version` prints it. */
  readonly program: string;
  /** Asked when the caller gives up (SIGTERM, SIGINT, SIGHUP). */
  readonly stop: Stop;
}

/** Over the descriptors themselves: `process.stdout` costs a tenth of the whole start-up, and hides EPIPE until later. */
export const processIo = (stop: Stop): Io => ({
  out: (text) => write(1, text),
  err(text) {
    try {
      write(2, text);
    } catch {
      // Whoever does not read the reason cannot be told another one.
    }
  },
  lines: stdinLines,
  env: process.env,
  program: (process.versions.bun === undefined ? process.argv[1] : process.execPath) ?? 'dvdcli',
  stop,
});

const PAUSE_MS = 5;

function write(fd: number, text: string): void {
  const all = Buffer.from(text);
  for (let done = 0; done < all.length; ) {
    try {
      done += writeSync(fd, all, done);
    } catch (e) {
      // A pipe that somebody made non-blocking and that is full.
      if ((e as NodeJS.ErrnoException).code !== 'EAGAIN') throw e;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  }
}

async function* stdinLines(): AsyncIterable<string> {
  const { createInterface } = await import('node:readline');
  yield* createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
}

import { fstatSync, writeSync } from 'node:fs';

/** The outside of a run, so that one can also be had in another program's process. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** As {@link out}, for text that is all there is to say: where it can be written at once, the process ends with status 0. */
  last?(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Standard output is a terminal. */
  readonly tty: boolean;
  /** Standard error is one. */
  readonly errTty?: boolean;
  /** Cells of the terminal. */
  readonly width?: number | undefined;
  /** Aborted when the person gives up (Ctrl-C). */
  readonly signal: AbortSignal;
}

/** A reader that went away (`| head`) is no error of ours. */
function gone(e: NodeJS.ErrnoException): void {
  if (e.code === 'EPIPE') process.exit(0);
  throw e;
}

/** @param early the streams are made at once: what writes on them may be somebody else than this */
export function processIo(signal: AbortSignal, early: boolean): Io {
  const guarded = new Set<NodeJS.WriteStream>();
  // Making both costs more than to ask a daemon: a listing makes none.
  const stream = (which: 'stdout' | 'stderr'): NodeJS.WriteStream => {
    const it = process[which];
    if (!guarded.has(it)) it.on('error', gone);
    guarded.add(it);
    return it;
  };
  if (early) for (const which of ['stdout', 'stderr'] as const) stream(which);
  return {
    out: (text) => void stream('stdout').write(text),
    err: (text) => void stream('stderr').write(text),
    last(text) {
      const left = written(1, Buffer.from(text));
      if (left.length > 0) stream('stdout').write(left);
      else process.exit(0);
    },
    env: process.env,
    get tty() {
      return isDevice(1) && stream('stdout').isTTY === true;
    },
    get errTty() {
      return stream('stderr').isTTY === true;
    },
    get width() {
      return stream('stdout').columns ?? stream('stderr').columns;
    },
    signal,
  };
}

function isDevice(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice();
  } catch {
    return false;
  }
}

/** Writes as much as there is room for. @returns the rest, which is for who can wait */
function written(fd: number, text: Buffer): Buffer {
  let left = text;
  try {
    while (left.length > 0) left = left.subarray(writeSync(fd, left));
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== 'EAGAIN') gone(e as NodeJS.ErrnoException);
  }
  return left;
}

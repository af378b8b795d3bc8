/** The outside of a run, so that one can also be had in another program's process. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Standard output is a terminal. */
  readonly tty: boolean;
  /** Aborted when the person gives up (Ctrl-C). */
  readonly signal: AbortSignal;
}

export function processIo(signal: AbortSignal): Io {
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    env: process.env,
    tty: process.stdout.isTTY === true,
    signal,
  };
}

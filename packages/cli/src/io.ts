/** The outside of a run, so that one can also be had in another program's process. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
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

export function processIo(signal: AbortSignal): Io {
  const { stdout, stderr, env } = process;
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    env,
    tty: stdout.isTTY === true,
    errTty: stderr.isTTY === true,
    get width() {
      return stdout.columns ?? stderr.columns;
    },
    signal,
  };
}

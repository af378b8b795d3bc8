import type { OptionPair } from '@rexray/core/options';

/**
 * The caller's giving up. What an AbortSignal is, which is made of it only where one is needed: its first listener alone
 * would cost a hundredth of a start.
 */
export class Stop {
  #asked = false;
  #controller: AbortController | undefined;
  readonly #listeners = new Set<() => void>();

  get asked(): boolean {
    return this.#asked;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#asked) this.#controller.abort();
    return this.#controller.signal;
  }

  ask(): void {
    this.#asked = true;
    this.#controller?.abort();
    for (const listener of [...this.#listeners]) listener();
  }

  /** @returns what takes the listener away again */
  whenAsked(listener: () => void): () => void {
    this.#listeners.add(listener);
    if (this.#asked) listener();
    return () => this.#listeners.delete(listener);
  }
}

/** How a call is made. */
export interface Call {
  readonly stop: Stop;
  /** {@link now} after which it fails with `timeout`. */
  readonly deadline: number;
}

/** A volume, as far as the commands need it. */
export interface Found {
  readonly name: string;
  /** Empty while it is not mounted here, or where the driver does not say. */
  readonly mountpoint: string;
  /** Everything that the driver says, for `--json`. */
  readonly details: Readonly<Record<string, unknown>>;
  /** Whether a mount of class `dvdcli` is there already; undefined where the driver does not say who has it. */
  readonly held?: boolean;
}

/** A volume driver, wherever it is: behind a plugin socket, in the daemon, or in this process. Errors are VolumeErrors. */
export interface Volumes {
  /** For messages: `plugin /run/docker/plugins/rexray.sock`. */
  readonly where: string;
  get(name: string, call: Call): Promise<Found>;
  list(call: Call): Promise<readonly Found[]>;
  create(name: string, options: readonly OptionPair[], call: Call): Promise<void>;
  /** Absent = ok. */
  remove(name: string, call: Call): Promise<void>;
  /** Never takes options: what a volume is made of is said when it is made (S3). @returns an absolute path that exists */
  mount(name: string, call: Call): Promise<string>;
  /** Not mounted = ok. */
  unmount(name: string, call: Call): Promise<void>;
  /** Where it is mounted; empty where it is not. */
  path(name: string, call: Call): Promise<string>;
  /** Whether an error of `get` leaves it open that the volume does not exist, so that it may be made. */
  mayBeAbsent(e: unknown): boolean;
  /**
   * Takes back a mount that nobody has heard of. `before` is what `get` said before the mount; where that mount cannot be
   * told from another one that is needed, it stays: a mount too many loses nothing.
   * @returns whether it was taken back
   */
  takeBack(name: string, before: Found | undefined, call: Call): Promise<boolean>;
  close(): Promise<void>;
}

/** Class of holder of every mount that is made here (S19); on a plugin's wire the `ID`. */
export const HOLDER = 'dvdcli';

/** Milliseconds of a clock that never steps. The global `performance` would load ten of Node's modules for the same. */
export function now(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

export const remaining = (call: Call): number => Math.max(1, Math.round(call.deadline - now()));

import { formatBytes, type Progress } from '@rexray/core';
import type { Io } from '../io.ts';

/** Shorter work shows nothing: a bar that flashes is noise. In ms. */
const SHOW_AFTER_MS = 250;
const EVERY_MS = 80;
const BAR = 24;

/** One line on standard error that says how far a long operation is; on a terminal only, and gone when it is done. */
export class ProgressLine {
  readonly #io: Io;
  readonly #began = performance.now();
  #shown = 0;
  #drawn = false;

  constructor(io: Io) {
    this.#io = io;
  }

  /** Undefined where nobody would see it. */
  get listener(): ((p: Progress) => void) | undefined {
    return this.#io.errTty === true ? (p) => this.#draw(p) : undefined;
  }

  #draw(p: Progress): void {
    const now = performance.now();
    if (now - this.#began < SHOW_AFTER_MS || now - this.#shown < EVERY_MS) return;
    this.#shown = now;
    this.#drawn = true;
    const room = Math.max(10, (this.#io.width ?? 80) - 1);
    this.#io.err(`\r\x1b[K${progressText(p).slice(0, room)}`);
  }

  /** The same outside, whose every other line takes this one away first. */
  get apart(): Io {
    const { out, err } = this.#io;
    const after =
      (write: (text: string) => void) =>
      (text: string): void => {
        this.end();
        write(text);
      };
    return Object.assign(Object.create(this.#io) as Io, { out: after(out), err: after(err) });
  }

  /** Takes the line away. */
  end(): void {
    if (this.#drawn) this.#io.err('\r\x1b[K');
    this.#drawn = false;
  }
}

/** `copy [##########--------------]  42 % 6.7 GiB of 16 GiB` */
export function progressText(p: Progress): string {
  if (p.total === undefined || p.total <= 0) return `${p.phase} ${amount(p.done, p.unit)}`;
  const part = Math.min(1, Math.max(0, p.done / p.total));
  const filled = Math.round(part * BAR);
  const bar = `[${'#'.repeat(filled)}${'-'.repeat(BAR - filled)}]`;
  const percent = `${String(Math.floor(part * 100)).padStart(3)} %`;
  return `${p.phase} ${bar} ${percent} ${amount(p.done, p.unit)} of ${amount(p.total, p.unit)}`;
}

const amount = (n: number, unit: Progress['unit']): string =>
  unit === 'bytes' ? formatBytes(n) : unit === 'ms' ? `${(n / 1000).toFixed(1)} s` : String(n);

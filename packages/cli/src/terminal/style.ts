import { styleText } from 'node:util';
import type { Io } from '../io.ts';

export type Paint = (text: string) => string;
export interface Colours {
  readonly head: Paint;
  readonly error: Paint;
  readonly hint: Paint;
  readonly warning: Paint;
  readonly good: Paint;
  readonly busy: Paint;
  readonly odd: Paint;
}

const plain: Paint = (text) => text;
const NONE: Colours = { head: plain, error: plain, hint: plain, warning: plain, good: plain, busy: plain, odd: plain };
type Format = Parameters<typeof styleText>[0];
const paint =
  (format: Format): Paint =>
  (text) =>
    // Whether to colour is decided here: styleText itself must not look at this process's own output.
    styleText(format, text, { validateStream: false });

/** Colour on a terminal only, and not where somebody asked for none (no-color.org). */
export function colours(io: Io, stream: 'out' | 'err'): Colours {
  const terminal = stream === 'out' ? io.tty : io.errTty === true;
  if (!terminal || (io.env.NO_COLOR ?? '') !== '' || io.env.TERM === 'dumb') return NONE;
  return {
    head: paint('bold'),
    error: paint(['bold', 'red']),
    hint: paint('cyan'),
    warning: paint('yellow'),
    good: paint('green'),
    busy: paint('cyan'),
    odd: paint('yellow'),
  };
}

/** Nothing is painted. */
export const isPlain = (c: Colours): boolean => c === NONE;

/** What a state looks like. */
export function stateColour(c: Colours, state: string): string {
  if (/^(available|clean|ok|yes|running|ready|formatted)$/.test(state)) return c.good(state);
  if (/^(attached|mounted)$/.test(state)) return c.busy(state);
  return /^(unavailable|foreign|crash|missing|no|orphan|warning|error|odd)$/.test(state) ? c.odd(state) : state;
}

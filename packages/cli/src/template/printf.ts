import { wrong } from './tokens.ts';
import { shown } from './values.ts';

const VERB = /%([-+0 #]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])/g;

/** Go's Printf for texts, numbers and truth values: `%s %v %d %f %q %t %x %5.2f %-20s`. */
export function format(text: string, args: readonly unknown[]): string {
  let next = 0;
  const out = text.replace(VERB, (all, flags: string, width: string | undefined, precision, verb: string) => {
    if (verb === '%') return '%';
    if (next >= args.length) throw wrong(`printf: ${all} has no value`);
    const done = one(verb, args[next], precision === undefined ? undefined : Number(precision));
    next += 1;
    const w = Number(width ?? 0);
    if (flags.includes('-')) return done.padEnd(w);
    return done.padStart(w, flags.includes('0') && verb !== 's' ? '0' : ' ');
  });
  if (next < args.length) throw wrong(`printf: ${args.length - next} values too many`);
  return out;
}

function one(verb: string, v: unknown, precision: number | undefined): string {
  switch (verb) {
    case 's':
    case 'v':
      return precision === undefined ? shown(v) : shown(v).slice(0, precision);
    case 'q':
      return JSON.stringify(shown(v));
    case 't':
      return String(v === true);
    case 'd':
      return String(Math.trunc(numeric(verb, v)));
    case 'f':
      return numeric(verb, v).toFixed(precision ?? 6);
    case 'x':
      return numeric(verb, v).toString(16);
    default:
      throw wrong(`printf: %${verb} is not supported`);
  }
}

function numeric(verb: string, v: unknown): number {
  if (typeof v === 'number') return v;
  throw wrong(`printf: %${verb} needs a number, not ${JSON.stringify(v)}`);
}

import { printable } from '../terminal/columns.ts';
import type { Colours } from '../terminal/style.ts';

export const LEVELS: readonly unknown[] = ['debug', 'info', 'warn', 'error', 'fatal'];

const quoted = (s: string): string => (/[\s"=]/.test(s) ? JSON.stringify(s) : s);

/** A line of the log for people: `20:15:02.114 INFO  mount volume=data ms=12.3`; what is no such line stays as it is. */
export function readable(line: string, c?: Colours): string {
  const fields = parsed(line);
  if (fields === undefined) return line;
  const { level, time, msg, ...others } = fields;
  const clock = String(time ?? '').slice(11, 23);
  const word = String(level).toUpperCase().padEnd(5);
  const about = Object.entries(others).map(([k, v]) => `${k}=${typeof v === 'string' ? quoted(v) : JSON.stringify(v)}`);
  const painted =
    c === undefined
      ? word
      : level === 'error' || level === 'fatal'
        ? c.error(word)
        : level === 'warn'
          ? c.warning(word)
          : word;
  return [clock, painted, printable(String(msg)), ...about.map(printable)].join(' ');
}

/** Its rank among the levels; undefined for a line that is none of ours. */
export function levelOf(line: string): number | undefined {
  const level = parsed(line)?.level;
  const rank = LEVELS.indexOf(level);
  return rank < 0 ? undefined : rank;
}

function parsed(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const x = JSON.parse(line) as Record<string, unknown>;
    return typeof x.level === 'string' && typeof x.msg === 'string' ? x : undefined;
  } catch {
    return undefined;
  }
}

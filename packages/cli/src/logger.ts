import { type Logger, silentLogger } from '@rexray/core';
import type { GlobalFlags } from './context.ts';
import type { Io } from './io.ts';
import type { Redactor } from './redact.ts';
import { colours } from './terminal/style.ts';

/** Lines of a command that works in this process. The outcome of its verb is its answer, and not said twice. */
export function commandLogger(io: Io, flags: GlobalFlags, redactor: Redactor): Logger {
  const asked = flags.logLevel?.toLowerCase();
  if (flags.quiet && asked === undefined) return silentLogger;
  const c = colours(io, 'err');
  const all = asked === 'debug' ? 3 : asked === 'info' ? 2 : asked === undefined || asked === 'warn' ? 1 : 0;
  const line =
    (level: string, rank: number, paint = (t: string) => t) =>
    (fields: object, message: string): void => {
      if (rank > all || ('op' in fields && 'outcome' in fields && asked === undefined)) return;
      const about = Object.entries(redactor.clean(fields) as object).map(
        ([k, v]) => `${k}=${typeof v === 'string' ? v : JSON.stringify(v)}`,
      );
      io.err(`${[paint(`${level}:`), redactor.text(message), ...about].join(' ')}\n`);
    };
  return {
    debug: line('debug', 3),
    info: line('info', 2),
    warn: line('warning', 1, c.warning),
    error: line('error', 0, c.error),
  };
}

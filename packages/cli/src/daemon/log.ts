import type { Logger } from '@rexray/core';
import type { LogLevel } from '@rexray/runtime/config';
import { type DestinationStream, destination, type Logger as Pino, pino, stdTimeFunctions } from 'pino';
import type { Redactor } from '../redact.ts';
import type { Colours } from '../terminal/style.ts';
import { type LogFile, logFile } from './log-file.ts';
import { readable } from './readable.ts';

/** Lines that wait for a reader that is slow, in bytes; beyond it they are dropped, so that the log never holds up a verb. */
const MAX_WAITING = 8 * 1024 * 1024;

export interface DaemonLog {
  readonly logger: Logger;
  setLevel(level: LogLevel): void;
  /** From now on every line goes to a file in this directory too. */
  keepIn(logDir: string): void;
  /** Writes what still waits. */
  flush(): void;
}

/** JSON for machines; on a terminal, lines for people. Every line passes the redactor. */
export function daemonLog(o: {
  readonly redactor: Redactor;
  readonly level: LogLevel;
  /** Lines go there instead of standard output. */
  readonly write?: (line: string) => void;
  readonly tty: boolean;
  readonly colours?: Colours;
}): DaemonLog {
  const file = o.write === undefined ? destination({ dest: 1, sync: false, maxLength: MAX_WAITING }) : undefined;
  // Nobody reads any more: that is no reason to end.
  file?.on('error', () => {});
  const write = o.write ?? ((line: string) => void file?.write(line));
  let kept: LogFile | undefined;
  const stream: DestinationStream = {
    write(line) {
      write(o.tty ? `${readable(line.trimEnd(), o.colours)}\n` : line);
      kept?.write(line);
    },
  };
  const log: Pino = pino(
    {
      level: pinoLevel(o.level),
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  const line =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (fields: object, message: string): void => {
      if (log.isLevelEnabled(level)) log[level](o.redactor.clean(fields) as object, o.redactor.text(message));
    };
  return {
    logger: { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') },
    setLevel(level) {
      log.level = pinoLevel(level);
    },
    keepIn(logDir) {
      kept = logFile(logDir);
    },
    flush() {
      kept?.flush();
      try {
        file?.flushSync();
      } catch {
        // Not open yet, or the reader is gone.
      }
    },
  };
}

const pinoLevel = (level: LogLevel): string => (level === 'panic' ? 'fatal' : level);

import type { Logger } from '@rexray/core';
import type { Io } from '../io.ts';

/** Warnings and errors of this process on standard error. The outcome of a verb is the answer of the program, and not said twice. */
export function logger(io: Io): Logger {
  const line =
    (level: string) =>
    (fields: object, message: string): void => {
      if ('op' in fields && 'outcome' in fields) return;
      const about = Object.entries(fields).map(([k, v]) => `${k}=${typeof v === 'string' ? v : JSON.stringify(v)}`);
      io.err(`${[`${level}:`, message, ...about].join(' ')}\n`);
    };
  return { debug: () => {}, info: () => {}, warn: line('warning'), error: line('error') };
}

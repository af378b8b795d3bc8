#!/usr/bin/env node
/** The program `rexray`. */
import { processIo } from './io.ts';
import { run } from './run.ts';

const stop = new AbortController();
const [command] = process.argv.slice(2).filter((a) => !a.startsWith('-'));
// The daemon has its own idea of signals; a command is canceled, rolls back, and says so. Asked twice it ends at once.
if (command !== 'start' && command !== 'restart' && command !== 'service') {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(130);
      stop.abort();
    });
  }
}
run(process.argv.slice(2), processIo(stop.signal, command !== 'volume' && command !== 'v')).then(
  (status) => {
    process.exitCode = status;
  },
  (e: unknown) => {
    throw e;
  },
);

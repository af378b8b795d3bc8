#!/usr/bin/env node
/** The program `rexray`. */
import { processIo } from './io.ts';
import { run } from './run.ts';

// A reader that went away (`| head`) is no error of ours.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (e: NodeJS.ErrnoException) => {
    if (e.code === 'EPIPE') process.exit(0);
    throw e;
  });
}
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
run(process.argv.slice(2), processIo(stop.signal)).then(
  (status) => {
    process.exitCode = status;
  },
  (e: unknown) => {
    throw e;
  },
);

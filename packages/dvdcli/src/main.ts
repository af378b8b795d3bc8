#!/usr/bin/env node
/** The program `dvdcli`. */
import { processIo } from './io.ts';
import { run } from './run.ts';

const stop = new AbortController();
// Given up: what was begun is taken back first. Asked twice it ends at once.
for (const [signal, status] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
  ['SIGHUP', 129],
] as const) {
  process.on(signal, () => {
    if (stop.signal.aborted) process.exit(status);
    stop.abort();
  });
}
// Ends here and now, since all is written: while Node takes itself down, a signal would kill what has answered already.
run(process.argv.slice(2), processIo(stop.signal)).then((status) => process.exit(status));

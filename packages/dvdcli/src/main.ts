#!/usr/bin/env node
/** The program `dvdcli`. */
import { processIo } from './io.ts';
import { run } from './run.ts';
import { Stop } from './volumes.ts';

const stop = new Stop();
// Given up: what was begun is taken back first. Asked twice it ends at once.
for (const [signal, status] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
  ['SIGHUP', 129],
] as const) {
  process.on(signal, () => {
    if (stop.asked) process.exit(status);
    stop.ask();
  });
}
// Ends here and now, since all is written: while Node takes itself down, a signal would kill what has answered already.
run(process.argv.slice(2), processIo(stop)).then((status) => process.exit(status));

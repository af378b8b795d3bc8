/** Loaded before the host's worker process when that is what is struck: its points, not its parent's. */
import { appendFileSync, existsSync } from 'node:fs';
import { arm, die } from './trace.ts';

const { SAFETY_ARMED: armed = '', SAFETY_AT: at = '-1', SAFETY_TOLD: told = '' } = process.env;
let index = 0;
// Only the worker: the programs that it runs are no Node processes and never load this.
if (armed !== '' && process.argv[1]?.includes('worker-main') === true) {
  arm((p) => {
    if (!existsSync(armed)) return;
    appendFileSync(told, `${p.what}\n`);
    if (index++ === Number(at)) die();
  });
}

/** Freezes and waits for its own death: `node fs-freeze-parent.ts TARGET MAXMS`. */
import { freeze } from '../src/fs/freeze.ts';

const [, , target = '', maxMs = '0'] = process.argv;
await freeze(target, { maxMs: Number(maxMs) });
console.log('frozen');
setInterval(() => {}, 1000);

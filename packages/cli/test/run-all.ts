/** Runs command lines in one process, as whoever it is started by: `run-all.ts '[["volume","ls"], …]'` prints their outcomes. */
import { run } from '../src/index.ts';

const outcomes: { status: number; out: string; err: string }[] = [];
for (const argv of JSON.parse(process.argv[2] ?? '[]') as string[][]) {
  const said = { out: '', err: '' };
  const status = await run(argv, {
    out: (t) => {
      said.out += t;
    },
    err: (t) => {
      said.err += t;
    },
    env: process.env,
    tty: false,
    signal: new AbortController().signal,
  });
  outcomes.push({ status, ...said });
}
console.log(JSON.stringify(outcomes));

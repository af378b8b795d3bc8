/** Generated requests to every route of the REST interface: no fault, memory stays flat. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Cleanup, suite } from '@rexray/rig';
import { afterAll, expect, it } from 'vitest';
import { fuzz } from './fuzz.ts';
import { world } from './fuzz-world.ts';

const cleanup = new Cleanup();
afterAll(() => cleanup.run());
setFlagsFromString('--expose_gc');
const gc = runInNewContext('gc') as () => void;
const heapMiB = (): number => {
  gc();
  gc();
  return Math.round((process.memoryUsage().heapUsed / 2 ** 20) * 10) / 10;
};

suite('generated requests, many', { programs: { openssl: 'openssl' } }, () => {
  it('60,000: no 5xx that the table does not name, no crash, no unauthorised read, flat memory', async () => {
    const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
    const on = await world(cleanup);
    const heap: number[] = [];
    const start = performance.now();
    const r = await fuzz(on, {
      seed,
      requests: 60_000,
      at: 16,
      tick: (n) => {
        if (n % 10_000 === 0) heap.push(heapMiB());
      },
    });
    const seconds = Math.round((performance.now() - start) / 1000);
    console.log(
      JSON.stringify({ seed, seconds, ...r, heapMiB: heap, rssMiB: Math.round(process.memoryUsage.rss() / 2 ** 20) }),
    );
    expect(r.faults).toEqual([]);
    expect(r.requests).toBeGreaterThanOrEqual(60_000);
    // The first tenth fills the buffers that are bounded (kept answers, events, tasks, callers).
    const [, warm = 0] = heap;
    expect(heap.at(-1)).toBeLessThan(warm * 1.25 + 10);
    expect(on.log.filter((l) => l.startsWith('error'))).toEqual([]);
  });
});

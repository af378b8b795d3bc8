/** 100,000 bodies and 20,000 byte streams on the socket of the Docker plugin: no crash, memory stays flat. */
import { expect, it } from 'vitest';
import { fuzz } from './fuzz.ts';
import { Cleanup } from './plugged.ts';

it('100,000 bodies and 20,000 byte streams: memory stays flat', async () => {
  const cleanup = new Cleanup();
  try {
    const seed = Date.now() % 2 ** 31;
    console.log(`seed ${seed}`);
    const { heapGrowth } = await fuzz(cleanup, { bodies: 100_000, streams: 20_000, seed });
    console.log(`heap: ${(heapGrowth / 2 ** 20).toFixed(1)} MiB more after the second 50,000`);
    expect(heapGrowth).toBeLessThan(16 * 2 ** 20);
  } finally {
    await cleanup.run();
  }
}, 3_600_000);

import { expect, it } from 'vitest';
import { fuzz } from './fuzz.ts';
import { Cleanup } from './plugged.ts';

it('2,000 bodies and 500 byte streams: no crash, no action without a valid name', async () => {
  const cleanup = new Cleanup();
  try {
    expect(await fuzz(cleanup, { bodies: 2000, streams: 500, seed: 20_260_722 })).toBeDefined();
  } finally {
    await cleanup.run();
  }
}, 60_000);

import { Cleanup, suite } from '@rexray/rig';
import { afterAll, expect, it } from 'vitest';
import { fuzz } from './fuzz.ts';
import { operations } from './fuzz-requests.ts';
import { world } from './fuzz-world.ts';

const cleanup = new Cleanup();
afterAll(() => cleanup.run());

suite('generated requests', { programs: { openssl: 'openssl' } }, () => {
  it('of a fixed seed: no 5xx that the table does not name, no crash, no unauthorised read, none undocumented', async () => {
    const on = await world(cleanup);
    const r = await fuzz(on, { seed: 20_261_128, requests: 1500, at: 8 });
    expect(r.faults).toEqual([]);
    expect(r.operations).toBe(new Set(operations().map((o) => o.id)).size);
    expect(Object.keys(r.statuses)).toEqual(expect.arrayContaining(['200', '201', '204', '400', '401', '404']));
    expect(await on.client.health()).toMatchObject({ ok: true, operations: 0 });
    expect(on.log.filter((l) => l.startsWith('error'))).toEqual([]);
  }, 120_000);
});

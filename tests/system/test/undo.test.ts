import { isVolumeError } from '@rexray/core';
import { type TestOptions, type TestRexray, testRexray } from '@rexray/runtime/testing';
import { afterEach, describe, expect, it } from 'vitest';

const open: TestRexray[] = [];
async function rexray(o: TestOptions = {}): Promise<TestRexray> {
  const r = await testRexray(o);
  open.push(r);
  return r;
}
afterEach(async () => {
  for (const r of open.splice(0)) await r.close();
});
const codeOf = (p: Promise<unknown>): Promise<unknown> =>
  p.then(
    () => 'ok',
    (e: unknown) => (isVolumeError(e) ? e.code : e),
  );

describe('an undo that cannot be done', () => {
  it('S12: keeps the claim while the device is still on this host, so that no other node takes it', async () => {
    const r = await rexray({ driver: { fencing: 'none' } });
    const s = r.integration;
    await s.create('data', { size: '1GiB' });
    r.machine.fail('mount', 'invalid');
    r.machine.fail('disconnect', 'in_use');
    expect(await codeOf(s.mount('data', { holder: 'cli' }))).toBe('invalid');
    expect((await s.get('data')).attachments.map((a) => a.node)).toEqual([r.machine.nodeId]);
    const again = await r.reopen();
    open.push(again);
    expect(await again.leaks()).toEqual([]);
  });
});

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
const soon = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('close', () => {
  it('S12: waits for the verbs that run', async () => {
    const r = await rexray();
    await r.integration.create('data', { size: '1GiB' });
    const hang = r.machine.hang('format', { times: 1 });
    const mount = codeOf(r.integration.mount('data', { holder: 'cli' }));
    await soon(50);
    const closed = r.close();
    await soon(50);
    hang.release();
    expect(await mount).toBe('ok');
    await closed;
    const again = await r.reopen();
    open.push(again);
    expect((await again.integration.get('data')).holders).toHaveLength(1);
  });

  it('lets nothing new begin, says so, and may be called twice', async () => {
    const r = await rexray();
    await r.integration.create('data', { size: '1GiB' });
    const first = r.close();
    expect(await codeOf(r.integration.get('data'))).toBe('unavailable');
    await Promise.all([first, r.close()]);
    expect(await codeOf(r.integration.mount('data', { holder: 'cli' }))).toBe('unavailable');
    expect(await codeOf(r.service().scratch())).toBe('unavailable');
  });

  it('S12: ends verbs that do not end by themselves, and what they did is undone', async () => {
    const r = await rexray();
    await r.integration.create('data', { size: '1GiB' });
    r.machine.hang('format', { times: 1 });
    const mount = codeOf(r.integration.mount('data', { holder: 'cli' }));
    await soon(50);
    await r.close({ graceMs: 100 });
    expect(await mount).toBe('canceled');
    expect(await r.leaks()).toEqual([]);
  });
});

describe('a deadline', () => {
  it('holds while the verb waits for another one on the same volume', async () => {
    const r = await rexray();
    const s = r.integration;
    await s.create('data', { size: '1GiB' });
    const hang = r.machine.hang('format', { times: 1 });
    const mount = codeOf(s.mount('data', { holder: 'cli' }));
    const start = performance.now();
    expect(await codeOf(s.unmount('data', { holder: 'cli', timeoutMs: 100 }))).toBe('timeout');
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 50);
    expect(await codeOf(s.unmount('data', { holder: 'cli', signal: stop.signal }))).toBe('canceled');
    expect(performance.now() - start).toBeLessThan(2000);
    hang.release();
    expect(await mount).toBe('ok');
    await s.unmount('data', { holder: 'cli' });
    expect(await r.leaks()).toEqual([]);
  });

  it.each([0, 1])('of %s ms answers timeout and leaves nothing', async (timeoutMs) => {
    const r = await rexray();
    await r.integration.create('data', { size: '1GiB' });
    r.machine.hang('format', { times: 1 });
    expect(await codeOf(r.integration.mount('data', { holder: 'cli', timeoutMs }))).toBe('timeout');
    expect(await r.leaks()).toEqual([]);
  });

  it.each([Number.NaN, -1, 'soon'])('of %s is invalid', async (timeoutMs) => {
    const r = await rexray();
    expect(await codeOf(r.integration.get('data', { timeoutMs: timeoutMs as number }))).toBe('invalid');
  });

  it('may be as long as one likes', async () => {
    const r = await rexray();
    await r.integration.create('data', { size: '1GiB' });
    await soon(5);
    const hang = r.machine.hang('format', { times: 1 });
    const mount = codeOf(r.integration.mount('data', { holder: 'cli', timeoutMs: Number.POSITIVE_INFINITY }));
    await soon(20);
    hang.release();
    expect(await mount).toBe('ok');
  });

  it('of the caller holds while the service is being opened', async () => {
    const r = await rexray();
    r.backend.faults.delay('whoami', 3000, { times: 1 });
    const again = await testRexray({ backend: r.backend, machine: r.machine, store: r.store, background: true });
    open.push(again);
    const start = performance.now();
    expect(await codeOf(again.integration.list({ timeoutMs: 100 }))).toBe('timeout');
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

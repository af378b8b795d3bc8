import { isVolumeError } from '@rexray/core';
import { MemoryBackend } from '@rexray/driver-memory';
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
const kills = (r: TestRexray): number =>
  r.machine.calls.filter((c) => c.call === 'unmount' && (c.detail as { kill?: boolean }).kill === true).length;
async function until(what: () => boolean | Promise<boolean>, ms = 8000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await what())) {
    if (performance.now() > end) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('S11: the watch', () => {
  it('stops the writes before it notes the loss, so that a crash in between leaves no writer', async () => {
    const backend = new MemoryBackend();
    const driver = { fencing: 'switch' } as const;
    const a = await rexray({ backend, driver, watch: true });
    const b = await rexray({ backend, driver });
    await a.integration.create('data', { size: '1GiB' });
    await a.integration.mount('data', { holder: 'cli' });
    a.machine.crashAt('unmount');
    await b.integration.mount('data', { holder: 'cli', preempt: true });
    await until(() => a.machine.hosts.size === 0);
    open.push(await a.reopen());
    await until(() => a.machine.mounts.size === 0);
    expect(kills(a)).toBeGreaterThan(0);
  });

  it('takes off later what was in use when it was lost', async () => {
    const backend = new MemoryBackend();
    const driver = { fencing: 'switch' } as const;
    const a = await rexray({ backend, driver, watch: true });
    const b = await rexray({ backend, driver });
    await a.integration.create('data', { size: '1GiB' });
    await a.integration.mount('data', { holder: 'cli' });
    const user = a.machine.use('/volumes/data', 'open');
    await b.integration.mount('data', { holder: 'cli', preempt: true });
    await until(async () => (await a.integration.get('data')).notes.some((n) => n.includes('lost to node')));
    expect(a.machine.mounts.size).toBe(1);
    user[Symbol.dispose]();
    await until(() => a.machine.mounts.size === 0);
    await a.integration.unmount('data', { holder: 'cli' });
    expect(await a.leaks()).toEqual([]);
  });

  it('of one volume does not wait for another one whose storage hangs', async () => {
    const backend = new MemoryBackend();
    const driver = { fencing: 'switch' } as const;
    const a = await rexray({ backend, driver, watch: true });
    const b = await rexray({ backend, driver });
    for (const name of ['a-hangs', 'data']) {
      await a.integration.create(name, { size: '1GiB' });
      await a.integration.mount(name, { holder: 'cli' });
    }
    const hung = backend.faults.hang('owner', { times: 1 });
    await new Promise((resolve) => setTimeout(resolve, 2000));
    await b.integration.mount('data', { holder: 'cli', preempt: true });
    const start = performance.now();
    await until(() => kills(a) > 0);
    expect(performance.now() - start).toBeLessThan(5000);
    hung.release();
  });

  it('tells once that it cannot ask, for all volumes of a service together, and once that it can again', async () => {
    const backend = new MemoryBackend();
    const told: string[] = [];
    const line = (level: string) => (_: object, message: string) => void told.push(`${level}: ${message}`);
    const logger = { debug: () => {}, info: line('info'), warn: line('warn'), error: line('error') };
    const a = await rexray({ backend, driver: { fencing: 'switch' }, watch: true, logger });
    for (const name of ['one', 'two', 'three']) {
      await a.integration.create(name, { size: '1GiB' });
      await a.integration.mount(name, { holder: 'cli' });
    }
    const lines = (text: string) => told.filter((t) => t.includes(text));
    let looks = 0;
    a.events.on('driver.call', (e) => {
      if (e.op === 'owner' && e.code !== undefined && e.attempt === 1) looks += 1;
    });
    backend.faults.fail('owner', 'unavailable', { times: Number.POSITIVE_INFINITY });
    // Three volumes, two rounds at least.
    await until(() => looks >= 6, 30_000);
    expect(lines('could not tell')).toEqual([expect.stringMatching(/^warn: /)]);
    expect(lines('says again which')).toEqual([]);
    backend.faults.clear();
    await until(() => lines('says again which').length > 0, 15_000);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    expect(lines('says again which')).toEqual([expect.stringMatching(/^warn: /)]);
    // Another time away is told anew.
    backend.faults.fail('owner', 'unavailable', { times: Number.POSITIVE_INFINITY });
    await until(() => lines('could not tell').length === 2, 15_000);
    backend.faults.clear();
  }, 90_000);
});

describe('S24: read-only', () => {
  it('a clone is mounted read-only although its file system first needs a UUID of its own', async () => {
    const r = await rexray({ driver: { fencing: 'none' } });
    const s = r.integration;
    await s.create('data', { size: '1GiB', fsType: 'xfs' });
    await s.mount('data', { holder: 'cli' });
    r.machine.write('/volumes/data/data/x', 'kept');
    await s.unmount('data', { holder: 'cli' });
    await s.clone('data', 'copy');
    await s.mount('data', { holder: 'cli' });
    const m = await s.mount('copy', { holder: 'cli', readOnly: true });
    expect(m.readOnly).toBe(true);
    expect(r.machine.read('/volumes/copy/data/x')).toBe('kept');
    expect((await s.get('copy')).fsUuid).not.toBe((await s.get('data')).fsUuid);
  });

  it('a volume whose format was interrupted is not made by a read-only mount', async () => {
    const r = await rexray({ driver: { fencing: 'none' } });
    await r.integration.create('data', { size: '1GiB' });
    r.crashAt('mount/format');
    await expect(r.integration.mount('data', { holder: 'cli' })).rejects.toThrow('at ');
    const again = await r.reopen();
    open.push(again);
    const t = again.integration;
    expect(await codeOf(t.mount('data', { holder: 'cli', readOnly: true }))).toBe('invalid');
    expect(await again.leaks()).toEqual([]);
    await t.mount('data', { holder: 'cli' });
  });
});

describe('what is told', () => {
  it('names the volume, whatever the order of the arguments', async () => {
    const r = await rexray();
    const s = r.integration;
    await s.create('data', { size: '1GiB' });
    await s.snapshots.create('data', 'snap');
    const told: string[] = [];
    r.events.on('op.started', (e) => told.push(`${e.op} ${e.volume}`));
    await s.snapshots.restore('snap', 'copy');
    await s.plan('mount', 'data', { holder: 'cli' });
    await s.snapshots.remove('snap');
    expect(told).toEqual(['snapshots.restore copy', 'plan data', 'snapshots.remove ']);
    await expect(s.snapshots.restore('snap', 'copy2')).rejects.toMatchObject({ place: { volume: 'copy2' } });
  });

  it('S16: a mounted directory is flushed before its snapshot', async () => {
    const r = await rexray({ driver: { multiWriter: true } });
    await r.integration.create('data', { size: '1GiB' });
    await r.integration.mount('data', { holder: 'cli' });
    await r.integration.snapshots.create('data', 'snap');
    expect(r.trace).toContain('snapshots.create/sync');
  });
});

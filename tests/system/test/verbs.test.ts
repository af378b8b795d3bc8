import { type Integration, isVolumeError, type PlannedOp } from '@rexray/core';
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

describe('mount and unmount', () => {
  it('formats once, mounts, counts holders and leaves nothing', async () => {
    const r = await rexray();
    const s = r.integration;
    await s.create('data', { size: '1GiB', fsType: 'xfs' });
    const a = await s.mount('data', { holder: 'engine:a' });
    expect(a.path).toBe('/volumes/data/data');
    const b = await s.mount('data', { holder: 'engine:b' });
    expect(b.path).toBe(a.path);
    expect(r.trace.filter((t) => t === 'mount/format')).toHaveLength(1);
    expect((await s.get('data')).holders.map((h) => h.holder).sort()).toEqual(['engine:a', 'engine:b']);
    await s.unmount('data', { holder: 'engine:a' });
    expect((await s.get('data')).state).toBe('mounted');
    await s.unmount('data', { holder: 'engine:b' });
    expect((await s.get('data')).state).toBe('available');
    expect(await r.leaks()).toEqual([]);
  });

  it('S19: one id that mounts twice needs two unmounts', async () => {
    const r = await rexray();
    const s = r.integration;
    await s.create('data', { size: '1GiB' });
    await s.mount('data', { holder: 'engine:x' });
    await s.mount('data', { holder: 'engine:x' });
    await s.unmount('data', { holder: 'engine:x' });
    expect((await s.get('data')).state).toBe('mounted');
    await s.unmount('data', { holder: 'engine:x' });
    expect((await s.get('data')).state).toBe('available');
  });

  it('S19: ignoreUsedCount drops the class without ids, and only that', async () => {
    const r = await rexray({ policy: { ignoreUsedCount: true } });
    const s = r.integration;
    await s.create('data', { size: '1GiB' });
    for (const holder of ['dvdcli', 'dvdcli', 'dvdcli', 'engine:x']) await s.mount('data', { holder });
    await s.unmount('data', { holder: 'dvdcli' });
    expect((await s.holders.list()).map((h) => h.holder)).toEqual(['engine:x']);
    await s.unmount('data', { holder: 'engine:x' });
    expect(await r.leaks()).toEqual([]);
  });

  it('S19: a mount whose caller went away is taken back alone, also with ignoreUsedCount', async () => {
    const r = await rexray({ policy: { ignoreUsedCount: true } });
    const s = r.integration;
    await s.create('data', { size: '1GiB' });
    for (const holder of ['dvdcli', 'dvdcli']) await s.mount('data', { holder });
    await s.unmount('data', { holder: 'dvdcli', once: true });
    expect((await s.holders.list())[0]?.count).toBe(1);
    await s.unmount('data', { holder: 'dvdcli' });
    expect(await r.leaks()).toEqual([]);
  });

  it('64 holders at once: one mount, one unmount, no leak', async () => {
    const r = await rexray();
    const s = r.integration;
    await s.create('data', { size: '1GiB' });
    const holders = Array.from({ length: 64 }, (_, i) => `engine:${i}`);
    const mounts = await Promise.all(holders.map((holder) => s.mount('data', { holder })));
    expect(new Set(mounts.map((m) => m.path)).size).toBe(1);
    await Promise.all(holders.reverse().map((holder) => s.unmount('data', { holder })));
    expect(r.trace.filter((t) => t === 'mount/mount')).toHaveLength(1);
    expect(r.trace.filter((t) => t === 'unmount/unmount')).toHaveLength(1);
    expect(await r.leaks()).toEqual([]);
  });

  it('undoes everything when a late step fails', async () => {
    const r = await rexray();
    const s = r.integration;
    await s.create('data', { size: '1GiB' });
    r.machine.fail('session.mount', 'invalid');
    r.machine.fail('mount', 'invalid');
    expect(await codeOf(s.mount('data', { holder: 'cli' }))).toBe('invalid');
    expect(await r.leaks()).toEqual([]);
    await s.mount('data', { holder: 'cli' });
  });

  it('cancel in the middle rolls back before the caller hears of it', async () => {
    const r = await rexray();
    const s = r.integration;
    await s.create('data', { size: '1GiB' });
    const stop = new AbortController();
    r.events.on('op.step', (e) => {
      if (e.step === 'probe' && e.phase === 'begin') stop.abort();
    });
    expect(await codeOf(s.mount('data', { holder: 'cli', signal: stop.signal }))).toBe('canceled');
    expect(await r.leaks()).toEqual([]);
  });
});

describe('create', () => {
  it('S3: ten restarts with overwriteFs keep the data', async () => {
    const r = await rexray();
    const s = r.integration;
    const o = { size: '5GiB', fsType: 'xfs', overwriteFs: true, hints: { iops: 150, type: 'io1' } } as const;
    await s.create('test12345', o);
    const first = await s.mount('test12345', { holder: 'dvdcli' });
    const uuid = (await s.get('test12345')).fsUuid;
    await s.unmount('test12345', { holder: 'dvdcli' });
    for (let i = 0; i < 10; i++) {
      await s.create('test12345', o);
      expect((await s.mount('test12345', { holder: 'dvdcli' })).path).toBe(first.path);
      expect((await s.get('test12345')).fsUuid).toBe(uuid);
      await s.unmount('test12345', { holder: 'dvdcli' });
    }
    expect(r.trace.filter((t) => t === 'mount/format')).toHaveLength(1);
  });

  it('compares the asked size only', async () => {
    const s = (await rexray()).integration;
    await s.create('data', { size: '2GiB' });
    expect((await s.create('data', { size: '1GiB' })).notes.join()).toContain('size 1 GiB was asked for');
    expect((await s.create('data')).sizeBytes).toBe(2 * 2 ** 30);
    expect(await codeOf(s.create('data', { size: '3GiB' }))).toBe('already_exists');
  });
});

describe('plan', () => {
  interface Case {
    readonly op: PlannedOp;
    /** First argument of the verb; the volume unless said otherwise. */
    readonly name?: string;
    readonly o?: Readonly<Record<string, unknown>>;
    readonly before?: (s: Integration) => Promise<unknown>;
    readonly run: (s: Integration) => Promise<unknown>;
  }
  const size = '1GiB' as const;
  const holder = 'cli';
  const volume = (s: Integration): Promise<unknown> => s.create('data', { size });
  const mounted = (s: Integration): Promise<unknown> => volume(s).then(() => s.mount('data', { holder }));
  const used = (s: Integration): Promise<unknown> => mounted(s).then(() => s.unmount('data', { holder }));
  const snapshot = (s: Integration): Promise<unknown> => used(s).then(() => s.snapshots.create('data', 'snap'));
  const cases: Readonly<Record<string, Case>> = {
    create: { op: 'create', o: { size }, run: (s) => s.create('data', { size }) },
    'a first mount': { op: 'mount', o: { holder }, before: volume, run: (s) => s.mount('data', { holder }) },
    'a later mount': { op: 'mount', o: { holder }, before: used, run: (s) => s.mount('data', { holder }) },
    'a second holder': { op: 'mount', o: { holder }, before: mounted, run: (s) => s.mount('data', { holder }) },
    unmount: { op: 'unmount', o: { holder }, before: mounted, run: (s) => s.unmount('data', { holder }) },
    attach: { op: 'attach', before: volume, run: (s) => s.attach('data') },
    detach: { op: 'detach', before: (s) => volume(s).then(() => s.attach('data')), run: (s) => s.detach('data') },
    expand: { op: 'expand', o: { size: '2GiB' }, before: used, run: (s) => s.expand('data', { size: '2GiB' }) },
    'expand, mounted': {
      op: 'expand',
      o: { size: '2GiB' },
      before: mounted,
      run: (s) => s.expand('data', { size: '2GiB' }),
    },
    modify: {
      op: 'modify',
      o: { labels: { a: 'b' } },
      before: volume,
      run: (s) => s.modify('data', { labels: { a: 'b' } }),
    },
    clone: { op: 'clone', o: { to: 'copy' }, before: used, run: (s) => s.clone('data', 'copy') },
    'clone, mounted': { op: 'clone', o: { to: 'copy' }, before: mounted, run: (s) => s.clone('data', 'copy') },
    'a mount of a clone': {
      op: 'mount',
      name: 'copy',
      o: { holder },
      before: (s) => used(s).then(() => s.clone('data', 'copy')),
      run: (s) => s.mount('copy', { holder }),
    },
    snapshot: {
      op: 'snapshots.create',
      o: { snapshot: 'snap' },
      before: used,
      run: (s) => s.snapshots.create('data', 'snap'),
    },
    restore: {
      op: 'snapshots.restore',
      name: 'snap',
      o: { to: 'copy' },
      before: snapshot,
      run: (s) => s.snapshots.restore('snap', 'copy'),
    },
    'snapshot removal': {
      op: 'snapshots.remove',
      name: 'snap',
      before: snapshot,
      run: (s) => s.snapshots.remove('snap'),
    },
    'a holder’s release': {
      op: 'holders.release',
      o: { holder },
      before: mounted,
      run: (s) => s.holders.release('data', holder),
    },
    remove: { op: 'remove', before: used, run: (s) => s.remove('data') },
  };
  const matrix = Object.keys(cases).flatMap((what) => (['detach', 'switch'] as const).map((f) => [what, f] as const));

  it.each(matrix)('of %s, fencing %s, is what the run then does', async (what, fencing) => {
    const r = await rexray({ driver: { fencing } });
    const s = r.integration;
    const c = cases[what] as Case;
    await c.before?.(s);
    const plan = await s.plan(c.op, c.name ?? 'data', c.o);
    expect(plan.forbidden).toEqual([]);
    const before = r.trace.length;
    await c.run(s);
    const ran = r.trace.slice(before).map((t) => t.split('/')[1]);
    expect(ran.length).toBeGreaterThan(0);
    expect(plan.steps.filter((p) => p.maybe !== true || ran.includes(p.step)).map((p) => p.step)).toEqual(ran);
    const again = await s.plan(c.op, c.name ?? 'data', c.o);
    expect(again.op).toBe(c.op);
  });

  it('of a wipe, and of what is forbidden', async () => {
    const r = await rexray();
    const s = r.integration;
    await used(s);
    const wipe = (await s.get('data')).fsUuid ?? '';
    const plan = await s.plan('format', 'data', { wipe });
    const before = r.trace.length;
    await s.format('data', { wipe });
    expect(plan.steps.map((p) => p.step)).toEqual(r.trace.slice(before).map((t) => t.split('/')[1]));
    expect((await s.plan('format', 'data', { wipe })).forbidden[0]?.code).toBe('denied');
    await s.mount('data', { holder });
    expect((await s.plan('remove', 'data')).forbidden[0]?.code).toBe('in_use');
    expect((await s.plan('mount', 'nothing', { holder })).forbidden[0]?.code).toBe('not_found');
    expect((await s.plan('remove', 'nothing')).noop).toBe(true);
  });
});

describe('SIGKILL at each step', () => {
  const ops = ['mount', 'unmount', 'snapshots.create', 'clone', 'remove'] as const;
  const matrix = ops.flatMap((op) => (['detach', 'switch', 'none'] as const).map((fencing) => [op, fencing] as const));
  it.each(matrix)('of %s, fencing %s: the next open cleans up and the next call succeeds', async (op, fencing) => {
    let steps = 0;
    for (let i = 0; ; i++) {
      const r = await rexray({ driver: { fencing } });
      const s = r.integration;
      await s.create('data', { size: '1GiB' });
      await s.mount('data', { holder: 'cli' });
      if (op !== 'unmount') await s.unmount('data', { holder: 'cli' });
      const plan = await s.plan(op, 'data', { holder: 'cli', snapshot: 'snap', to: 'copy' });
      const all = plan.steps.flatMap((p) =>
        p.maybe === true
          ? []
          : ([
              [p.step, 'begin'],
              [p.step, 'end'],
            ] as const),
      );
      const at = all[i];
      if (at === undefined) break;
      steps += 1;
      r.crashAt(`${op}/${at[0]}`, at[1]);
      const run = {
        mount: () => s.mount('data', { holder: 'cli' }),
        unmount: () => s.unmount('data', { holder: 'cli' }),
        'snapshots.create': () => s.snapshots.create('data', 'snap'),
        clone: () => s.clone('data', 'copy'),
        remove: () => s.remove('data'),
      }[op];
      await expect(run(), at.join(' ')).rejects.toThrow('at ');
      const again = await r.reopen();
      open.push(again);
      const t = again.integration;
      if (op !== 'unmount' || (at[0] === 'drop' && at[1] === 'begin')) {
        if (op === 'unmount') await t.unmount('data', { holder: 'cli' });
      }
      expect(await again.leaks(), at.join(' ')).toEqual([]);
      if (op === 'mount' || op === 'unmount') {
        await t.mount('data', { holder: 'cli' });
        await t.unmount('data', { holder: 'cli' });
      } else if (op === 'snapshots.create') await t.snapshots.create('data', 'snap');
      else if (op === 'clone') await t.clone('data', 'copy');
      else await t.remove('data');
      expect(await again.leaks(), at.join(' ')).toEqual([]);
    }
    expect(steps).toBeGreaterThanOrEqual(6);
  });
});

describe('remove', () => {
  it('is denied by name of the key, refused with a holder, and absent is ok', async () => {
    const r = await rexray({ policy: { removeDisable: true } });
    await r.integration.create('data', { size: '1GiB' });
    await expect(r.integration.remove('data')).rejects.toThrow(
      'libstorage.integration.volume.operations.remove.disable',
    );
    await r.integration.remove('nothing');
    const t = await testRexray({ backend: r.backend, machine: r.machine });
    open.push(t);
    await t.integration.mount('data', { holder: 'cli' });
    await expect(t.integration.remove('data')).rejects.toThrow('mounted on this node for cli');
    await t.integration.unmount('data', { holder: 'cli' });
    await t.integration.remove('data');
    expect(await codeOf(t.integration.get('data'))).toBe('not_found');
  });
});

describe('what could not be finished', () => {
  it('an unmount that was busy is finished later, in the same process', async () => {
    const r = await rexray();
    const s = r.integration;
    await s.create('data', { size: '1GiB' });
    await s.mount('data', { holder: 'engine:a' });
    const user = r.machine.use('/volumes/data', 'open');
    expect(await codeOf(s.unmount('data', { holder: 'engine:a' }))).toBe('in_use');
    expect((await r.leaks()).length).toBeGreaterThan(0);
    user[Symbol.dispose]();
    expect((await r.retryLeftovers()).length).toBe(1);
    expect(await r.leaks()).toEqual([]);
    expect(await r.retryLeftovers()).toEqual([]);
  });

  it('a busy unmount can be mounted again, and then ends', async () => {
    const r = await rexray();
    const s = r.integration;
    await s.create('data', { size: '1GiB' });
    await s.mount('data', { holder: 'engine:a' });
    const user = r.machine.use('/volumes/data', 'open');
    expect(await codeOf(s.unmount('data', { holder: 'engine:a' }))).toBe('in_use');
    await s.mount('data', { holder: 'engine:b' });
    expect(await r.retryLeftovers()).toEqual([]);
    expect((await s.get('data')).state).toBe('mounted');
    user[Symbol.dispose]();
    await s.unmount('data', { holder: 'engine:b' });
    expect(await r.leaks()).toEqual([]);
  });

  it('S12: power lost with the state: the claim of the earlier boot is given up at the first open after it', async () => {
    const r = await rexray({ driver: { fencing: 'none' } });
    await r.integration.create('data', { size: '1GiB' });
    await r.integration.mount('data', { holder: 'cli' });
    r.machine.reboot();
    const again = await testRexray({ backend: r.backend, machine: r.machine, driver: { fencing: 'none' } });
    open.push(again);
    expect(await again.leaks()).toEqual([]);
    expect((await again.integration.get('data')).attachments).toEqual([]);
  });

  it('S13: a driver that ignores the abort does not hold the verb, and what it did then is undone later', async () => {
    const r = await rexray({ driver: { fencing: 'none' } });
    const s = r.integration;
    await s.create('data', { size: '1GiB' });
    r.backend.faults.delay('attach', 300, { times: 1 });
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 50);
    expect(await codeOf(s.mount('data', { holder: 'cli', signal: stop.signal }))).toBe('canceled');
    expect(await r.leaks()).toEqual([]);
  });

  it('S18: state lost while a volume is mounted: it stays mounted, for a holder that only a person drops', async () => {
    const r = await rexray({ driver: { fencing: 'none' } });
    await r.integration.create('data', { size: '1GiB' });
    const m = await r.integration.mount('data', { holder: 'engine:a' });
    const again = await testRexray({ backend: r.backend, machine: r.machine, driver: { fencing: 'none' } });
    open.push(again);
    const s = again.integration;
    expect((await s.holders.list()).map((h) => h.holder)).toEqual(['recovered']);
    expect((await s.get('data')).mountpoint).toBe(m.path);
    await s.unmount('data', { holder: 'engine:a' });
    expect(await codeOf(s.remove('data'))).toBe('in_use');
    await s.holders.release('data', 'recovered');
    expect(await again.leaks()).toEqual([]);
    await s.remove('data');
  });
});

import { isVolumeError } from '@rexray/core';
import { describe, expect, it } from 'vitest';
import { FakeDisks, FakeMachine, type HostWorld, hostConformance } from '../src/index.ts';
import { contextOf } from '../src/storage/bench.ts';

const HOLDS = {
  blank: {},
  noise: { noise: 'bytes at 4096' },
  foreign: { signature: 'LUKS header at byte 0' },
} as const;

export function fakeWorld(): HostWorld & { machine: FakeMachine } {
  const disks = new FakeDisks();
  const machine = new FakeMachine({ disks });
  let n = 0;
  const path = (): string => `/disks/${++n}`;
  return {
    machine,
    host: machine.host(),
    another: async () => machine.host(),
    mountRoot: '/fake/volumes',
    async makeAttachment({ sizeBytes, holds }) {
      const d = disks.add(path(), sizeBytes, { ...HOLDS[holds] });
      return { kind: 'file', path: d.path, inode: { dev: d.dev, ino: d.ino } };
    },
    absent: async () => ({ kind: 'file', path: '/disks/absent' }),
    async enlarge(a, sizeBytes) {
      const d = a.kind === 'file' ? disks.disk(a.path) : undefined;
      if (d !== undefined) d.sizeBytes = sizeBytes;
    },
    async copy(a) {
      const d = a.kind === 'file' ? disks.disk(a.path) : undefined;
      const c = disks.add(path(), d?.sizeBytes ?? 0, structuredClone(d?.content ?? {}));
      return { kind: 'file', path: c.path };
    },
    write: async (p, text) => machine.write(p, text),
    read: async (p) => machine.read(p),
    async use(target) {
      const user = machine.use(target, 'open');
      return { pid: user.pid, release: async () => user[Symbol.dispose]() };
    },
    async close() {
      expect(machine.leaks()).toEqual([]);
    },
  };
}

for (const fsType of ['ext4', 'xfs', 'btrfs'] as const) {
  hostConformance(`FakeHost, ${fsType}`, { runner: { describe, it }, open: async () => fakeWorld(), fsType });
}

describe('FakeHost', () => {
  const ctx = () => contextOf();
  const spec = {
    target: '/fake/v',
    fsType: 'xfs',
    readonly: false,
    options: [],
    subdir: '/data',
    owner: {},
    makeSubdir: true,
  };
  const format = { fsType: 'xfs', uuid: 'u-1', options: {} } as const;

  async function two() {
    const disks = new FakeDisks();
    const disk = disks.add('/disks/a', 2 ** 29);
    const machine = new FakeMachine({ disks });
    const host = machine.host();
    const session = await host.open('a', ctx());
    const device = await session.connect({ kind: 'file', path: '/disks/a' }, { readonly: false }, ctx());
    return { disks, disk, machine, host, session, device };
  }

  it('loses what was not synced when the power goes, and keeps what was', async () => {
    const { machine, disk, session, device } = await two();
    await session.format(device, format, ctx());
    await session.mount(device, spec, ctx());
    machine.write('/fake/v/data/synced', '1');
    await session.sync('/fake/v', ctx());
    machine.write('/fake/v/data/dirty', '2');
    machine.reboot();
    expect(disk.content.fs).toMatchObject({ files: { '/data/synced': '1' }, clean: false });
    expect(machine.lostWrites).toBe(1);
    expect(machine.leaks()).toEqual([]);
  });

  it('a process that dies leaves its mounts and frees its locks; its calls end as a crash', async () => {
    const { machine, session, device } = await two();
    await session.format(device, format, ctx());
    machine.crashAt('mount', { when: 'after' });
    await expect(session.mount(device, spec, ctx())).rejects.toMatchObject({ message: 'the process died at mount' });
    expect([...machine.mounts.keys()]).toEqual(['/fake/v']);
    await expect(session.unmount('/fake/v', {}, ctx())).rejects.toThrow('died');
    const next = await machine.host().open('a', ctx());
    await next.unmount('/fake/v', {}, ctx());
  });

  it('a format that is killed leaves xfs with its signature and unmountable, ext4 without a trace', async () => {
    const { machine, session, device, disk } = await two();
    machine.crashAt('format', { when: 'during' });
    await expect(session.format(device, format, ctx())).rejects.toThrow('died');
    expect(disk.content.fs).toMatchObject({ uuid: 'u-1', broken: true });
    const next = await machine.host().open('a', ctx());
    await expect(next.mount(device, spec, ctx())).rejects.toSatisfy((e) => isVolumeError(e, 'data_loss'));
    machine.crashAt('format', { when: 'during' });
    await expect(next.format(device, { ...format, fsType: 'ext4', wipe: true }, ctx())).rejects.toThrow('died');
    expect(disk.content).toEqual({});
  });

  it('two machines that write to one disk destroy it', async () => {
    const { disks, disk, session, device } = await two();
    await session.format(device, format, ctx());
    await session.mount(device, spec, ctx());
    const other = await new FakeMachine({ disks }).host().open('a', ctx());
    const theirs = await other.connect({ kind: 'file', path: '/disks/a' }, { readonly: false }, ctx());
    await other.mount(theirs, spec, ctx());
    expect(disk.content.damaged).toContain('two machines');
  });

  it('a container’s own mount namespace outlives the unmount and keeps the device in use (S6)', async () => {
    const { machine, session, device } = await two();
    await session.format(device, format, ctx());
    await session.mount(device, spec, ctx());
    const container = machine.use('/fake/v', 'mount');
    await session.unmount('/fake/v', {}, ctx());
    await expect(session.assertUnused(device, ctx())).rejects.toSatisfy((e) => isVolumeError(e, 'in_use'));
    container[Symbol.dispose]();
    await session.assertUnused(device, ctx());
  });

  it('a copy with the UUID of a mounted xfs is refused', async () => {
    const { disks, disk, session, device } = await two();
    await session.format(device, format, ctx());
    await session.mount(device, spec, ctx());
    disks.add('/disks/b', disk.sizeBytes, structuredClone(disk.content));
    const copy = await session.connect({ kind: 'file', path: '/disks/b' }, { readonly: false }, ctx());
    await expect(session.mount(copy, { ...spec, target: '/fake/w' }, ctx())).rejects.toThrow('u-1');
    await session.newUuid(copy, { fsType: 'xfs', uuid: 'u-2' }, ctx());
    await session.mount(copy, { ...spec, target: '/fake/w' }, ctx());
  });
});

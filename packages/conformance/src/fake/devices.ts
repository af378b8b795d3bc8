import { type Attachment, bytes, type Device, VolumeError } from '@rexray/core';
import type { FakeDisk } from './disk.ts';
import type { FakeDevice, FakeMachine } from './machine.ts';

const sourceOf = (a: Attachment): string => {
  if (a.kind === 'file' || a.kind === 'dir') return a.path;
  if (a.kind === 'share') return a.source;
  return a.match.path ?? a.match.serial ?? a.match.byId ?? a.match.wwn ?? '';
};

/** One device a backing, looked up by what it is, never by its path alone (S7). */
export function find(m: FakeMachine, a: Attachment): FakeDevice | undefined {
  const source = sourceOf(a);
  const ino = a.kind === 'file' ? (a.inode?.ino ?? m.o.disks.disk(source)?.ino) : undefined;
  for (const d of m.devices.values()) {
    if (d.source === source && (ino === undefined || d.disk.ino === ino)) return d;
  }
  return undefined;
}

export function connect(m: FakeMachine, a: Attachment, readonly: boolean): Device {
  const source = sourceOf(a);
  const disk = m.o.disks.disk(source);
  if (disk === undefined || disk.gone) {
    throw new VolumeError('unavailable', `${source} did not appear on this machine.`, {
      details: { expected: source },
    });
  }
  if (a.kind === 'file' && a.inode !== undefined && a.inode.ino !== disk.ino) {
    throw new VolumeError('unavailable', `${source} is another file than the storage described.`, {
      details: { expected: a.inode.ino, found: disk.ino },
    });
  }
  const there = find(m, a);
  if (there !== undefined && there.disk === disk && (!there.readonly || readonly)) return describe(there, false);
  if (there !== undefined) {
    if (m.mountOf(there) !== undefined) throw inUse(m, there);
    m.devices.delete(there.id);
  }
  const device = add(m, a, disk, source, readonly || a.readonly === true);
  return describe(device, true);
}

function add(m: FakeMachine, a: Attachment, disk: FakeDisk, source: string, readonly: boolean): FakeDevice {
  const n = m.number();
  const kind = a.kind === 'share' || a.kind === 'dir' ? a.kind : 'block';
  const device: FakeDevice = {
    id: `dev-${n}`,
    kind,
    path: kind === 'block' ? `/dev/fake${n}` : source,
    devno: kind === 'block' ? `7:${n}` : '',
    disk,
    source,
    readonly,
    sizeBytes: disk.sizeBytes,
  };
  m.devices.set(device.id, device);
  return device;
}

export function disconnect(m: FakeMachine, a: Attachment): void {
  const d = find(m, a);
  if (d === undefined) return;
  if (m.mountOf(d) !== undefined || m.users(d).length > 0) throw inUse(m, d);
  m.devices.delete(d.id);
}

export function assertUnused(m: FakeMachine, d: FakeDevice): void {
  if (d.disk.gone) throw ioError(d);
  if (m.mountOf(d) !== undefined || m.users(d).length > 0) throw inUse(m, d);
}

export function known(m: FakeMachine, device: Device): FakeDevice {
  const d = m.devices.get(device.id);
  if (d !== undefined) return d;
  throw new VolumeError('internal', `${device.path} is not connected.`, { details: {} });
}

export function describe(d: FakeDevice, fresh: boolean): Device {
  const { id, kind, path, devno, readonly } = d;
  const backing = kind === 'block' && { backing: { dev: d.disk.dev, ino: d.disk.ino } };
  return { id, kind, path, devno, readonly, sizeBytes: bytes(d.sizeBytes), fresh, ...backing };
}

export function inUse(m: FakeMachine, d: FakeDevice): VolumeError<'in_use'> {
  const at = m.mountOf(d)?.target;
  const pids = m.users(d).map((u) => u.pid);
  const who = [
    ...(at === undefined ? [] : [`it is mounted at ${at}`]),
    ...(pids.length === 0 ? [] : [`processes ${pids.join(', ')} have it`]),
  ];
  return new VolumeError('in_use', `${d.path} is in use: ${who.join('; ')}.`, { details: { pids } });
}

export const ioError = (d: FakeDevice): VolumeError<'unavailable'> =>
  new VolumeError('unavailable', `${d.path}: input/output error, the disk is gone.`, { details: { found: 'EIO' } });

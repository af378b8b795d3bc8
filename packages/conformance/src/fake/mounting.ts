import { type HostMount, type MountSpec, VolumeError } from '@rexray/core';
import { inUse, ioError } from './devices.ts';
import { fileSystemOf } from './file-systems.ts';
import type { FakeDevice, FakeMachine, FakeMount } from './machine.ts';

const invalid = (message: string): VolumeError<'invalid'> => new VolumeError('invalid', message, { details: {} });

export function mount(m: FakeMachine, d: FakeDevice, spec: MountSpec): HostMount {
  if (d.disk.gone) throw ioError(d);
  const at = m.mounts.get(spec.target);
  const elsewhere = m.mountOf(d);
  if (at !== undefined && at.device !== d) throw inUse(m, at.device);
  if (elsewhere !== undefined && elsewhere !== at) throw inUse(m, d);
  if (at === undefined && m.users(d).length > 0) throw inUse(m, d);
  if (at !== undefined) return withSubdir(at, spec);
  const fs = d.kind === 'block' ? fileSystemOf(d, spec.fsType) : shared(d);
  if (d.kind === 'block') assertOnlyOne(m, d, fs.uuid, spec);
  if (d.readonly && !spec.readonly) throw invalid(`${d.path} is read-only and cannot be mounted for writing.`);
  const made: FakeMount = {
    target: spec.target,
    device: d,
    mountId: m.number(),
    devno: d.devno === '' ? `0:${m.number()}` : d.devno,
    fsType: fs.fsType,
    readonly: spec.readonly,
    path: spec.target,
    dirty: new Map(),
  };
  // Before the mount is there for others, so that a sub-directory that cannot be made leaves nothing mounted.
  const described = withSubdir(made, spec);
  m.addMount(made);
  return described;
}

/** A share has no file system that this machine makes; its content lies on the server. */
function shared(d: FakeDevice): NonNullable<FakeDevice['disk']['content']['fs']> {
  const { content } = d.disk;
  content.fs ??= {
    fsType: d.kind === 'dir' ? 'none' : 'share',
    uuid: '',
    fsBytes: 0,
    clean: true,
    files: {},
    dirs: {},
  };
  return content.fs;
}

function assertOnlyOne(m: FakeMachine, d: FakeDevice, uuid: string, spec: MountSpec): void {
  if (spec.nouuid === true) return;
  for (const other of m.mounts.values()) {
    if (other.device !== d && other.fsType === 'xfs' && other.device.disk.content.fs?.uuid === uuid) {
      throw invalid(`${d.path} has the UUID ${uuid} of the file system at ${other.target}.`);
    }
  }
}

function withSubdir(m: FakeMount, spec: MountSpec): HostMount {
  const sub = spec.subdir.replace(/^\/+|\/+$/g, '');
  if (sub.split('/').includes('..')) throw invalid(`"${spec.subdir}" leaves the volume.`);
  const { fs } = m.device.disk.content;
  if (sub !== '' && fs !== undefined && fs.dirs[`/${sub}`] === undefined) {
    if (!spec.makeSubdir || spec.readonly) throw invalid(`${spec.target} has no directory "/${sub}".`);
    fs.dirs[`/${sub}`] = { uid: spec.owner.uid ?? 0, gid: spec.owner.gid ?? 0, mode: spec.owner.mode ?? 0o700 };
  }
  m.path = sub === '' ? spec.target : `${spec.target}/${sub}`;
  return describe(m);
}

export function unmount(
  m: FakeMachine,
  target: string,
  o: { readonly kill?: boolean; readonly expectDevno?: string },
): void {
  const at = m.mounts.get(target);
  if (at === undefined) return;
  if (o.expectDevno !== undefined && o.expectDevno !== '' && o.expectDevno !== at.devno) {
    throw new VolumeError(
      'in_use',
      `${target} is a mount of ${at.devno}, not of ${o.expectDevno}; it was left alone.`,
      { details: {} },
    );
  }
  if (m.users(at.device).some((u) => u.how === 'open')) throw inUse(m, at.device);
  m.dropMount(at, { flush: o.kill !== true });
}

export function mountAt(m: FakeMachine, target: string): FakeMount {
  const at = m.mounts.get(target);
  if (at !== undefined) return at;
  throw new VolumeError('invalid', `Nothing is mounted at ${target}.`, { details: { path: 'target', value: target } });
}

export const describe = (m: FakeMount): HostMount => ({
  target: m.target,
  path: m.path,
  devno: m.devno,
  mountId: m.mountId,
  fsType: m.fsType,
  readonly: m.readonly,
});

import { type FsType, type Probe, VolumeError } from '@rexray/core';
import { assertUnused, ioError } from './devices.ts';
import type { FakeDevice, FakeMachine } from './machine.ts';

interface Format {
  readonly fsType: FsType;
  readonly uuid: string;
  readonly wipe?: boolean;
}

const MIB = 2 ** 20;
// Below these, the real mkfs refuses.
const LEAST: Record<FsType, number> = { ext4: MIB, xfs: 300 * MIB, btrfs: 109 * MIB };

export function probe(d: FakeDevice, prove: boolean): Probe {
  if (d.disk.gone) throw ioError(d);
  const { fs, signature, damaged, noise } = d.disk.content;
  if (damaged !== undefined) return { verdict: 'damaged', found: damaged, at: 0 };
  if (signature !== undefined) return { verdict: 'foreign', found: signature, at: 0 };
  if (fs !== undefined) {
    const { fsType, uuid, clean, fsBytes } = fs;
    return { verdict: 'fs', fsType, uuid, clean, fsBytes, found: `${fsType} with the UUID ${uuid}` };
  }
  if (noise !== undefined) return { verdict: 'unknown', found: noise, at: 0 };
  return prove ? { verdict: 'blank' } : { verdict: 'unknown', found: 'no signature' };
}

export function assertFormattable(m: FakeMachine, d: FakeDevice, o: Format): void {
  assertUnused(m, d);
  const program = `mkfs.${o.fsType}`;
  const missing = m.o.missing?.[program];
  if (missing !== undefined) {
    throw new VolumeError('unavailable', `${program} is not installed.`, {
      details: { expected: program },
      hint: `Install it: apt-get install ${missing}`,
    });
  }
  if (d.kind !== 'block' || d.readonly) {
    throw new VolumeError(
      'invalid',
      `${d.path} cannot be formatted: it is ${d.readonly ? 'read-only' : `a ${d.kind}`}.`,
      { details: {} },
    );
  }
  if (d.sizeBytes < LEAST[o.fsType]) {
    throw new VolumeError('out_of_range', `${d.path} is too small for ${o.fsType}: ${d.sizeBytes} bytes.`, {
      details: { min: LEAST[o.fsType] },
    });
  }
  const { fs, signature, damaged } = d.disk.content;
  const other =
    signature ?? damaged ?? (fs !== undefined && fs.uuid !== o.uuid ? `${fs.fsType} ${fs.uuid}` : undefined);
  if (other === undefined || o.wipe === true) return;
  throw new VolumeError('denied', `${d.path} holds ${other}; nothing was changed.`, {
    details: { rule: 'S2', found: other },
  });
}

export function format(d: FakeDevice, o: Format): void {
  const { fsType, uuid } = o;
  d.disk.content = { fs: { fsType, uuid, fsBytes: d.sizeBytes, clean: true, files: {}, dirs: {} } };
}

/** What a killed mkfs leaves: xfs has its signature from an early write on, the others have none until the end (S1). */
export function halfFormat(d: FakeDevice, o: Format): void {
  format(d, o);
  const { fs } = d.disk.content;
  if (o.fsType !== 'xfs' || fs === undefined) d.disk.content = {};
  else fs.broken = true;
}

function contentOf(d: FakeDevice, fsType?: string): NonNullable<FakeDevice['disk']['content']['fs']> {
  if (d.disk.gone) throw ioError(d);
  const { fs, damaged } = d.disk.content;
  if (fs !== undefined && fs.broken !== true && (fsType === undefined || fs.fsType === fsType)) return fs;
  const found =
    damaged ?? (fs === undefined ? 'nothing that is one' : `${fs.broken === true ? 'an unfinished ' : ''}${fs.fsType}`);
  throw new VolumeError('data_loss', `${d.path} holds no sound ${fsType ?? 'file system'}: found ${found}.`, {
    details: { found },
  });
}

export { contentOf as fileSystemOf };

export function check(
  m: FakeMachine,
  d: FakeDevice,
  o: { readonly fsType: FsType; readonly repair: boolean },
): { clean: boolean; said?: string } {
  assertUnused(m, d);
  const fs = contentOf(d, o.fsType);
  if (fs.clean) return { clean: true };
  if (o.repair && !d.readonly) fs.clean = true;
  return { clean: fs.clean, said: fs.clean ? 'journal replayed' : 'the journal needs replay' };
}

export function newUuid(d: FakeDevice, o: { readonly fsType: FsType; readonly uuid: string }): void {
  contentOf(d, o.fsType).uuid = o.uuid;
}

export function grow(
  m: FakeMachine,
  d: FakeDevice,
  o: { readonly fsType: FsType; readonly target?: string },
): { grown: boolean; fsBytes?: number; why?: string } {
  const fs = contentOf(d, o.fsType);
  const mounted = m.mountOf(d);
  if (mounted?.readonly === true) return { grown: false, why: 'it is mounted read-only' };
  if (mounted === undefined && o.fsType !== 'ext4')
    return { grown: false, why: `${o.fsType} grows only while mounted` };
  if (mounted !== undefined && o.fsType === 'ext4' && m.o.noOnlineGrow === true) {
    return { grown: false, why: 'ext4 can grow here only while unmounted (no CAP_SYS_RESOURCE)' };
  }
  fs.fsBytes = Math.max(fs.fsBytes, d.sizeBytes);
  return { grown: true, fsBytes: fs.fsBytes };
}

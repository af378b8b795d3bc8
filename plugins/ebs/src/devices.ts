import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type DiskMatch, VolumeError } from '@rexray/core';
import type { Node, TypeFacts } from './nodes.ts';

const letters = (from: string, to: string): string[] =>
  Array.from({ length: to.charCodeAt(0) - from.charCodeAt(0) + 1 }, (_, i) =>
    String.fromCharCode(from.charCodeAt(0) + i),
  );
const pairs = (first: string[], second: string[]): string[] =>
  first.flatMap((a) => second.map((b) => `/dev/xvd${a}${b}`));

/** REX-Ray's ranges. EC2 wants a name for every attachment; only Xen gives the disk that name. */
const SMALL = letters('f', 'p').map((l) => `/dev/xvd${l}`);
const LARGE = pairs(['b', 'c'], letters('a', 'z'));
/** Nitro instances have up to 128 attachments; the names are labels only. */
const ANY = [...pairs(['b', 'c', 'd', 'a'], letters('a', 'z')), ...SMALL, ...pairs(['e'], letters('a', 'z'))];

const kernelName = (device: string): string => device.replace(/^\/dev\/sd/, '/dev/xvd');

export interface DeviceOptions {
  readonly large: boolean;
  /** Where disks that EC2 does not know of (ghosts of a failed detach) would show; only for this very node. */
  readonly sysBlock: string | undefined;
}

/** Names that may be tried for a volume, in order: neither taken on the instance nor, here, a ghost's. */
export function freeDevices(node: Node, t: TypeFacts, volume: string, o: DeviceOptions): readonly string[] {
  const range = t.nitro ? ANY : o.large ? [...SMALL, ...LARGE] : SMALL;
  const taken = new Set([...node.devices.keys()].map(kernelName));
  const { sysBlock } = o;
  const ghost = (d: string): boolean =>
    !t.nitro && sysBlock !== undefined && existsSync(join(sysBlock, d.slice('/dev/'.length)));
  const free = range.filter((d) => !taken.has(d) && !ghost(d));
  // Two processes that attach to one instance should not try the same name first.
  const start = free.length === 0 ? 0 : Number.parseInt(volume.slice(-6), 16) % free.length;
  return [...free.slice(start), ...free.slice(0, start)];
}

/** @throws VolumeError `exhausted`, saying what takes the place */
export function assertRoom(node: Node, limit: number): void {
  const used = node.devices.size;
  if (used < limit) return;
  throw new VolumeError(
    'exhausted',
    `Instance ${node.id} (${node.type}) has ${used} volumes attached, which is its limit.`,
    {
      details: { limit, used },
      hint: 'Detach one, or use an instance type with more attachments; network interfaces count as well on most types.',
    },
  );
}

export const noDevice = (node: Node, o: DeviceOptions): VolumeError<'exhausted'> =>
  new VolumeError('exhausted', `No device name is free on instance ${node.id} (${node.type}).`, {
    details: { used: node.devices.size },
    ...(!o.large && { hint: 'Set ebs.useLargeDeviceRange to true: 52 more names.' }),
  });

/**
 * How the host finds the disk. Nitro: the NVMe serial is the volume id without its dash, in sysfs and at the end of
 * `/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol…`: no letter is guessed and no nvme-cli is needed.
 */
export const matchOf = (volume: string, device: string, t: TypeFacts): DiskMatch =>
  t.nitro ? { serial: volume.replace('-', '') } : { path: kernelName(device) };

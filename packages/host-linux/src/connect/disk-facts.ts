/** Which whole disks this host has, and what identifies each: names below by-id, serial, wwn, size. */
import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { DiskMatch } from '@rexray/core';
import { devnoOf } from '@rexray/kernel';

export interface Disk {
  /** Kernel name: `nvme1n1`. */
  readonly name: string;
  readonly path: string;
  readonly devno: string;
  readonly sizeBytes: number;
  readonly readonly: boolean;
  readonly byId: readonly string[];
  readonly serials: readonly string[];
  readonly wwns: readonly string[];
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'latin1').trim();
  } catch {
    return '';
  }
};
const list = (dir: string): string[] => {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
};
/** Where this machine shows its disks. */
export interface DiskTrees {
  /** `/dev/disk/by-id`: identities as udev writes them; may be absent. */
  readonly byIdDir: string;
  /** `/sys` */
  readonly sysDir: string;
  /** `/dev` */
  readonly devDir: string;
}

const classOf = (t: DiskTrees, name: string): string => `${t.sysDir}/class/block/${name}`;
const isWhole = (t: DiskTrees, name: string): boolean => read(`${classOf(t, name)}/partition`) === '';
/** Pseudo disks are candidates only when a by-id name leads to them. */
const PSEUDO = /^(loop|ram|zram|dm-|md|nbd|sr|fd)\d/;

/** Whole disks by kernel name, with the names below `byIdDir` that lead to each. */
function names(t: DiskTrees): Map<string, string[]> {
  const disks = new Map<string, string[]>();
  for (const name of list(`${t.sysDir}/block`)) if (!PSEUDO.test(name)) disks.set(name, []);
  for (const id of list(t.byIdDir)) {
    let name: string;
    try {
      name = basename(realpathSync(join(t.byIdDir, id)));
    } catch {
      continue; // its disk is gone
    }
    if (!isWhole(t, name) || read(`${classOf(t, name)}/size`) === '') continue;
    disks.set(name, [...(disks.get(name) ?? []), id]);
  }
  return disks;
}

export function disks(t: DiskTrees): Disk[] {
  return [...names(t)].flatMap(([name, byId]) => {
    const sys = classOf(t, name);
    const sizeBytes = Number(read(`${sys}/size`)) * 512;
    const path = `${t.devDir}/${name}`;
    let devno: string;
    try {
      devno = devnoOf(statSync(path).rdev);
    } catch {
      return [];
    }
    if (devno !== read(`${sys}/dev`)) return []; // the node is not this disk's
    const serials = [read(`${sys}/serial`), read(`${sys}/device/serial`), vpdSerial(`${sys}/device/vpd_pg80`)];
    const wwns = [read(`${sys}/wwid`), read(`${sys}/device/wwid`)];
    const readonly = read(`${sys}/ro`) === '1';
    const some = (values: string[]): string[] => values.filter((v) => v !== '');
    return [{ name, path, devno, sizeBytes, readonly, byId, serials: some(serials), wwns: some(wwns) }];
  });
}

/** SCSI unit serial number page: four bytes of header, then text. */
function vpdSerial(path: string): string {
  try {
    return readFileSync(path).subarray(4).toString('latin1').trim();
  } catch {
    return '';
  }
}

const plainWwn = (wwn: string): string => wwn.toLowerCase().replace(/^(wwn-)?(naa\.|eui\.|t10\.|0x)?/, '');

/** All fields that are present must fit. A serial fits sysfs, or the end of a by-id name after `_` or `-`, where udev puts it. */
export function fits(disk: Disk, match: DiskMatch, t: DiskTrees): boolean {
  const { serial, wwn, byId, path, sizeBytes } = match;
  if (serial !== undefined) {
    const inId = disk.byId.some((id) => id.endsWith(`_${serial}`) || id.endsWith(`-${serial}`));
    if (!disk.serials.includes(serial) && !inId) return false;
  }
  if (wwn !== undefined) {
    const wanted = plainWwn(wwn);
    const inId = disk.byId.some((id) => id.startsWith('wwn-') && plainWwn(id) === wanted);
    if (!disk.wwns.some((w) => plainWwn(w) === wanted) && !inId) return false;
  }
  if (byId !== undefined && !disk.byId.includes(byId)) return false;
  if (path !== undefined && realName(path, t) !== disk.name) return false;
  return sizeBytes === undefined || disk.sizeBytes === sizeBytes;
}

function realName(path: string, t: DiskTrees): string | undefined {
  try {
    return basename(realpathSync(path.startsWith('/dev/') ? t.devDir + path.slice('/dev'.length) : path));
  } catch {
    return undefined;
  }
}

/** Device numbers of the partitions of a disk. */
export const partitionsOf = (disk: Disk, t: DiskTrees): string[] =>
  list(`${t.sysDir}/block/${disk.name}`)
    .filter((name) => name.startsWith(disk.name))
    .map((name) => read(`${t.sysDir}/block/${disk.name}/${name}/dev`))
    .filter((devno) => devno !== '');

/** Devices built on top of a disk (LVM, RAID, encryption): their kernel names. */
export const stackedOn = (disk: Disk, t: DiskTrees): string[] => list(`${t.sysDir}/block/${disk.name}/holders`);

/** Whether a disk or one of its partitions is swapped to. */
export function isSwap(disk: Disk, t: DiskTrees): boolean {
  return read('/proc/swaps')
    .split('\n')
    .slice(1)
    .some((line) => {
      const name = basename(line.split(/\s+/)[0] ?? '');
      return name === disk.name || (name.startsWith(disk.name) && linkHas(classOf(t, name), disk.name));
    });
}

function linkHas(partition: string, disk: string): boolean {
  try {
    return readlinkSync(partition).includes(`/${disk}/`);
  } catch {
    return false;
  }
}

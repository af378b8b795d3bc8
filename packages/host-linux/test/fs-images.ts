import { createHash } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, readSync, statSync, truncateSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FsType } from '@rexray/core';
import { dataExtents } from '@rexray/kernel';
import { execa, execaSync } from 'execa';
import type { Place, RunChild, Tools } from '../src/fs/index.ts';

export const MIB = 1024 ** 2;
export const UUID = '11111111-2222-4333-8444-555555555555';
export const OTHER = '99999999-2222-4333-8444-555555555555';
export const FS_MIB: Readonly<Record<FsType, number>> = { ext4: 64, xfs: 320, btrfs: 128 };
export const PROGRAMS = { 'mkfs.ext4': 'e2fsprogs', 'mkfs.xfs': 'xfsprogs', 'mkfs.btrfs': 'btrfs-progs' } as const;

// Without libblkid's cache, which makes mkfs.btrfs refuse the UUID of a loop device that is long gone.
const env = { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LC_ALL: 'C', BLKID_FILE: '/dev/null' };

/** Children as a session runs them, without its lock. */
export const run: RunChild = async (file, args, o) => {
  const r = await execa(file, args, {
    timeout: o.timeoutMs,
    reject: false,
    env: { PATH: env.PATH, LC_ALL: 'C' },
    stdin: 'ignore',
  });
  if (r.code === 'ENOENT') throw Object.assign(new Error(r.shortMessage), { code: 'ENOENT' });
  return { exitCode: r.exitCode ?? -1, stdout: r.stdout, stderr: r.stderr };
};
export const tools: Tools = {
  run,
  timeoutMs: 20_000,
  scratchDir: tmpdir(),
  scratchName: `rexray-undo-${process.pid}`,
};

/** For preparing images: must succeed. */
export const sh = (file: string, ...args: string[]): string => execaSync(file, args, { env, stdin: 'ignore' }).stdout;
export const pipe = (input: string, file: string, ...args: string[]): string =>
  execaSync(file, args, { env, input }).stdout;

/** A sparse file that holds nothing. */
export function sparse(dir: string, name: string, mib: number): Place {
  const path = join(dir, name);
  closeSync(openSync(path, 'w'));
  truncateSync(path, mib * MIB);
  return placeOf(path);
}

export const placeOf = (path: string): Place => ({ path, backing: path, sizeBytes: statSync(path).size });

/** The same image seen as a disk without a backing file. */
export const asDisk = ({ path, sizeBytes }: Place): Place => ({ path, sizeBytes });

export function copy(dir: string, from: Place, name: string): Place {
  const path = join(dir, name);
  sh('cp', '--sparse=always', from.path, path);
  return placeOf(path);
}

export function put(place: Place, at: number, data: Buffer | string | readonly number[]): Place {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : Buffer.from(data);
  const fd = openSync(place.path, 'r+');
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
  return place;
}

export const zero = (place: Place, at: number, length: number): Place => put(place, at, Buffer.alloc(length));

export function flip(place: Place, at: number): Place {
  const fd = openSync(place.path, 'r+');
  const b = Buffer.alloc(1);
  readSync(fd, b, 0, 1, at);
  b[0] = (b[0] as number) ^ 0xff;
  writeSync(fd, b, 0, 1, at);
  closeSync(fd);
  return place;
}

export function shorten(place: Place, sizeBytes: number): Place {
  const fd = openSync(place.path, 'r+');
  ftruncateSync(fd, sizeBytes);
  closeSync(fd);
  return placeOf(place.path);
}

const ZEROS = Buffer.alloc(4096);

/** Content, place by place. Zeros count for nothing: the host may turn written zeros into holes and back. */
export function hash(place: Place): string {
  const h = createHash('sha1').update(String(statSync(place.path).size));
  const fd = openSync(place.path, 'r');
  const block = Buffer.alloc(ZEROS.length);
  for (const [from, to] of dataExtents(fd)) {
    for (let at = from - (from % block.length); at < to; at += block.length) {
      const data = block.subarray(0, readSync(fd, block, 0, block.length, at));
      if (!data.equals(ZEROS.subarray(0, data.length))) h.update(`${at}:`).update(data);
    }
  }
  closeSync(fd);
  return h.digest('hex');
}

/** mkfs as a person types it. */
export function mkfs(place: Place, fsType: string, ...args: string[]): Place {
  const flag = fsType === 'xfs' ? ['-m', `uuid=${UUID}`] : ['-U', UUID];
  sh(`mkfs.${fsType}`, '-q', ...flag, ...args, place.path);
  return place;
}

export const blkid = (place: Place): Readonly<Record<string, string>> =>
  Object.fromEntries(
    sh('blkid', '-p', '-o', 'export', place.path)
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );

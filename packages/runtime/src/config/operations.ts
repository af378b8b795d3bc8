import type { Bytes, FsType } from '@rexray/core';
import { invalid } from './invalid.ts';
import type { Key } from './keys.ts';
import type { At, ConfigReader } from './reader.ts';

/** `libstorage.integration.volume.operations`, as one service (and module) sees it. */
export interface Operations {
  readonly create: {
    readonly disable: boolean;
    /** True only where somebody wrote it. */
    readonly implicit: boolean;
    readonly default: {
      readonly sizeBytes: Bytes;
      readonly iops?: number;
      readonly type?: string;
      /** Absent unless somebody wrote it: the driver's own, `ext4` first, as REX-Ray documents. */
      readonly fsType?: FsType;
      readonly availabilityZone?: string;
    };
  };
  readonly remove: { readonly disable: boolean; readonly force: boolean };
  readonly mount: {
    readonly preempt: boolean;
    /** Absolute. */
    readonly path: string;
    /** Absolute inside the volume; `/` is the root of its file system. */
    readonly rootPath: string;
    /** Permission bits of that directory when it is made. */
    readonly fileMode: number;
    readonly retryCount: number;
    readonly retryWaitMs: number;
  };
  readonly unmount: { readonly ignoreUsedCount: boolean };
  readonly path: { readonly cache: { readonly enabled: boolean; readonly async: boolean } };
}

export const OPERATIONS = 'libstorage.integration.volume.operations';

export function readOperations(r: ConfigReader, where: At, defaultMountPath: string): Operations {
  const bool = (key: Extract<Key, `${typeof OPERATIONS}.${string}`>): boolean =>
    r.get('bool', key as never, where) === true;
  return {
    create: {
      disable: bool(`${OPERATIONS}.create.disable`),
      implicit: bool(`${OPERATIONS}.create.implicit`),
      default: readDefaults(r, where),
    },
    remove: { disable: bool(`${OPERATIONS}.remove.disable`), force: bool(`${OPERATIONS}.remove.force`) },
    mount: {
      preempt: bool(`${OPERATIONS}.mount.preempt`),
      path: r.get('path', `${OPERATIONS}.mount.path`, where) ?? defaultMountPath,
      rootPath: rootPath(r, where).value,
      fileMode: r.get('mode', 'linux.volume.filemode', where) ?? 0o700,
      retryCount: r.get('int', `${OPERATIONS}.mount.retryCount`, where) ?? 0,
      retryWaitMs: r.get('duration', `${OPERATIONS}.mount.retryWait`, where) ?? 5000,
    },
    unmount: { ignoreUsedCount: bool(`${OPERATIONS}.unmount.ignoreUsedCount`) },
    path: {
      cache: { enabled: bool(`${OPERATIONS}.path.cache.enabled`), async: bool(`${OPERATIONS}.path.cache.async`) },
    },
  };
}

function readDefaults(r: ConfigReader, where: At): Operations['create']['default'] {
  const iops = r.get('int', `${OPERATIONS}.create.default.iops`, where);
  const type = r.get('string', `${OPERATIONS}.create.default.type`, where);
  const zone = r.get('string', `${OPERATIONS}.create.default.availabilityZone`, where);
  const fsKey = `${OPERATIONS}.create.default.fsType` as const;
  const fsType = r.written(fsKey, where) ? r.get('fsType', fsKey, where) : undefined;
  return {
    sizeBytes: r.get('size', `${OPERATIONS}.create.default.size`, where) as Bytes,
    ...(iops !== undefined && iops > 0 && { iops }),
    ...(type !== undefined && type !== '' && { type }),
    ...(fsType !== undefined && { fsType }),
    ...(zone !== undefined && zone !== '' && { availabilityZone: zone }),
  };
}

/**
 * REX-Ray had two keys for one directory: it returned `mount.rootPath` and made `linux.volume.rootpath`, so changing one
 * gave callers a path that did not exist. Here one directory is both: `mount.rootPath`, or the other where only that is written.
 */
export function rootPath(r: ConfigReader, where: At): { readonly value: string; readonly warning?: string } {
  const returned = `${OPERATIONS}.mount.rootPath` as const;
  const made = 'linux.volume.rootpath' as const;
  const key = !r.written(returned, where) && r.written(made, where) ? made : returned;
  const value = inside(r.get('string', key, where) ?? '/data', key, r, where);
  if (key === made || !r.written(made, where)) return { value };
  const other = inside(r.get('string', made, where) ?? value, made, r, where);
  if (other === value) return { value };
  return {
    value,
    warning: `${returned} is ${value} and ${made} is ${other}: the first is both made and returned, the second has no effect.`,
  };
}

/** @throws VolumeError `invalid` for a path that could leave the volume (S20) */
function inside(text: string, key: string, r: ConfigReader, where: At): string {
  const parts = text.split('/').filter((p) => p !== '' && p !== '.');
  const place = r.find(key, where)?.place;
  if (parts.includes('..') || /[\0\n]/.test(text) || parts.some((p) => p.length > 255)) {
    throw invalid({
      key,
      value: text,
      expected: 'a directory inside the volume, such as /data or /',
      ...(place !== undefined && { place }),
    });
  }
  return `/${parts.join('/')}`;
}

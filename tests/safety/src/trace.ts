/**
 * Finds every point at which a process that dies leaves something else behind: calls that change a file, kernel calls,
 * children that start and end, commits of the node state. Wraps Node's own modules from outside, so that the code under
 * test carries no hook. Load it before anything else.
 */
import childProcess, { type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import fsp from 'node:fs/promises';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';

export interface Point {
  /** `fs fsync …/image`, `kernel umount2`, `child start mkfs.ext4`, `store commit volume/loop/v` */
  readonly what: string;
  /** The child that was just started, at a point of kind `child running`. */
  readonly child?: number;
}
type Strike = (p: Point, index: number) => void;

/** What happens at each point; undefined while nothing is counted. */
let strike: Strike | undefined;
let index = 0;
let inside = false;

export function arm(s: Strike): void {
  strike = s;
  index = 0;
}
export function disarm(): number {
  strike = undefined;
  return index;
}

export function point(what: string, child?: number): void {
  if (strike === undefined || inside) return;
  // What the strike itself does is not counted.
  inside = true;
  try {
    strike({ what, ...(child !== undefined && { child }) }, index++);
  } finally {
    inside = false;
  }
}

export const die = (): never => {
  process.kill(process.pid, 'SIGKILL');
  // The signal is delivered on the way back from the call.
  for (;;);
};

export const block = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};

type Fn = (...args: unknown[]) => unknown;
type Table = Record<string, Fn>;

const tail = (x: unknown): string =>
  typeof x === 'number' ? pathOf(x) : typeof x === 'string' ? x.split('/').slice(-2).join('/') : '';
function pathOf(fd: number): string {
  inside = true;
  try {
    return fs.readlinkSync(`/proc/self/fd/${fd}`).split('/').slice(-2).join('/');
  } catch {
    return '?';
  } finally {
    inside = false;
  }
}
/** The words for people in the lock's file decide nothing. */
const uninteresting = (where: string): boolean =>
  where.startsWith('locks/') || where.startsWith('pipe:') || where.startsWith('socket:') || where.includes('/dev/pts');

const CHANGING = [
  ...['mkdir', 'rmdir', 'rename', 'link', 'symlink', 'unlink', 'rm', 'write', 'writeFile', 'appendFile', 'ftruncate'],
  ...['truncate', 'fsync', 'fdatasync', 'chmod', 'fchmod', 'chown', 'fchown', 'lchown', 'copyFile', 'writev'],
];
const HANDLE = ['write', 'writeFile', 'truncate', 'sync', 'datasync', 'chmod', 'chown'];

function wrap(table: Table, name: string, label: string, when: (args: unknown[]) => boolean = () => true): void {
  const original = table[name];
  if (typeof original !== 'function') return;
  table[name] = function (this: unknown, ...args: unknown[]): unknown {
    if (strike !== undefined && !inside && when(args)) {
      const where = tail(args[0]);
      if (!uninteresting(where)) point(`fs ${label} ${where}`);
    }
    return original.apply(this, args);
  };
}

const creates = (args: unknown[]): boolean =>
  typeof args[1] === 'string'
    ? /[wax]/.test(args[1])
    : ((args[1] as number) & (fs.constants.O_CREAT | fs.constants.O_TRUNC)) !== 0;

function watchFiles(): void {
  for (const name of CHANGING) {
    wrap(fs as unknown as Table, `${name}Sync`, name);
    wrap(fsp as unknown as Table, name, name);
  }
  wrap(fs as unknown as Table, 'openSync', 'open', creates);
  const open = fsp.open;
  let patched = false;
  (fsp as unknown as Table).open = async (...args: unknown[]): Promise<unknown> => {
    if (creates(args)) point(`fs open ${tail(args[0])}`);
    const handle = await (open as Fn)(...args);
    if (!patched) {
      patched = true;
      watchHandles(Object.getPrototypeOf(handle) as Table);
    }
    return handle;
  };
}

function watchHandles(prototype: Table): void {
  for (const name of HANDLE) {
    const original = prototype[name];
    if (original === undefined) continue;
    prototype[name] = function (this: { fd: number }, ...args: unknown[]): unknown {
      if (strike !== undefined && !inside) point(`fs ${name === 'sync' ? 'fsync' : name} ${pathOf(this.fd)}`);
      return original.apply(this, args);
    };
  }
}

/** ioctl requests that change something (linux/loop.h, linux/fs.h, file systems' own). */
const IOCTLS: Readonly<Record<number, string>> = {
  19457: 'LOOP_CLR_FD',
  19463: 'LOOP_SET_CAPACITY',
  19466: 'LOOP_CONFIGURE',
  1074041865: 'FICLONE',
  1074292226: 'FS_IOC_SETFLAGS',
  3221510263: 'FIFREEZE',
  3221510264: 'FITHAW',
  2147768445: 'FS_IOC_SHUTDOWN',
  1074292240: 'EXT4_IOC_RESIZE_FS',
  1342215171: 'BTRFS_IOC_RESIZE',
  1074813294: 'XFS_IOC_FSGROWFSDATA',
};
const SYSCALLS: Readonly<Record<number, string>> = { 429: 'move_mount', 432: 'fsmount', 442: 'mount_setattr' };
const CALLS = new Set(['mount', 'umount2', 'fallocate', 'syncfs', 'flock']);

function kernelCall(name: string, args: readonly unknown[]): string | undefined {
  if (name === 'ioctl') return IOCTLS[Number(args[1])];
  if (name !== 'syscall') return CALLS.has(name) ? name : undefined;
  // fsconfig(FSCONFIG_CMD_CREATE) is the call that mounts.
  if (Number(args[0]) === 431) return Number(args[2]) === 6 ? 'fsconfig create' : undefined;
  return SYSCALLS[Number(args[0])];
}

type Native = Fn & { async: Fn };
interface Library {
  func(definition: string): Native;
}

function watchKernel(): void {
  const require = createRequire(createRequire(import.meta.url).resolve('@rexray/kernel/package.json'));
  const koffi = require('koffi') as { load(name: string): Library };
  const load = koffi.load;
  koffi.load = (name) => {
    const library = load(name);
    return { func: (definition) => watched(library.func(definition), / (\w+)\(/.exec(definition)?.[1] ?? '') };
  };
}

function watched(native: Native, name: string): Native {
  const before = (args: readonly unknown[]): void => {
    const what = strike === undefined ? undefined : kernelCall(name, args);
    if (what !== undefined) point(`kernel ${what}`);
  };
  const direct = (...args: unknown[]): unknown => {
    before(args);
    return native(...args);
  };
  const async = (...args: unknown[]): unknown => {
    before(args);
    return native.async(...args);
  };
  return Object.assign(direct, { async });
}

function watchChildren(): void {
  const spawn = childProcess.spawn as unknown as Fn;
  (childProcess as unknown as Table).spawn = (...args: unknown[]): unknown => {
    const argv = Array.isArray(args[1]) ? (args[1] as string[]) : [];
    const at = argv.indexOf('--');
    const program = basename(String(args[0]).endsWith('setpriv') && at >= 0 ? (argv[at + 1] ?? '') : String(args[0]));
    point(`child start ${program}`);
    const child = spawn(...args) as ChildProcess;
    point(`child running ${program}`, child.pid);
    child.prependListener('exit', () => point(`child exit ${program}`));
    return child;
  };
}

watchFiles();
watchKernel();
watchChildren();
syncBuiltinESMExports();

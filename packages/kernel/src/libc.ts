/**
 * The one file that loads koffi. Functions are declared at their first call, so that importing this package costs
 * nothing and never throws, not even where there is no libc to load.
 */
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { KernelError } from './errors.ts';

/** `null` is NULL; a buffer is passed by address and must stay alive during the call (async calls see to that here). */
export type Arg = number | bigint | string | Uint8Array | null;
type Native = ((...args: Arg[]) => number | bigint) & {
  async(...args: [...Arg[], (e: unknown, result: number | bigint) => void]): void;
};
interface Koffi {
  load(name: string): { func(definition: string): Native };
  errno(value?: number): number;
}

/** Variadic functions have fixed arguments here: koffi's variadic ones have no async form, and Linux passes both alike. */
const PROTOTYPES = {
  ioctl: 'int ioctl(int fd, unsigned long request, void *arg)',
  ioctlInt: 'int ioctl(int fd, unsigned long request, intptr_t arg)',
  mount: 'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
  umount2: 'int umount2(const char *target, int flags)',
  openat2: 'long syscall(long number, long dirfd, const char *path, void *how, long size)',
  fsopen: 'long syscall(long number, const char *type, long flags)',
  fsconfig: 'long syscall(long number, long fd, long command, const char *key, const char *value, long aux)',
  fsmount: 'long syscall(long number, long fd, long flags, long attributes)',
  moveMount: 'long syscall(long number, long from, const char *fromPath, long to, const char *toPath, long flags)',
  openTree: 'long syscall(long number, long dirfd, const char *path, long flags)',
  mountSetattr: 'long syscall(long number, long dirfd, const char *path, long flags, void *attr, long size)',
  read: 'intptr_t read(int fd, void *buffer, size_t size)',
  close: 'int close(int fd)',
  fcntl: 'int fcntl(int fd, int command, intptr_t arg)',
  flock: 'int flock(int fd, int operation)',
  lseek: 'int64_t lseek(int fd, int64_t offset, int whence)',
  fallocate: 'int fallocate(int fd, int mode, int64_t offset, int64_t length)',
  syncfs: 'int syncfs(int fd)',
  statx: 'int statx(int dirfd, const char *path, int flags, unsigned int mask, void *out)',
} as const satisfies Record<string, string>;
export type Name = keyof typeof PROTOTYPES;

const LIBRARIES = ['libc.so.6', `libc.musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`];

let loaded: { koffi: Koffi; lib: ReturnType<Koffi['load']> } | undefined;
const functions = new Map<Name, Native>();

function library(): NonNullable<typeof loaded> {
  if (loaded !== undefined) return loaded;
  if (process.platform !== 'linux') throw new KernelError('libc', constants.errno.ENOSYS, `on ${process.platform}`);
  const koffi = createRequire(import.meta.url)('koffi') as Koffi;
  let last: unknown;
  for (const name of LIBRARIES) {
    try {
      loaded = { koffi, lib: koffi.load(name) };
      return loaded;
    } catch (e) {
      last = e;
    }
  }
  throw last;
}

function native(name: Name): Native {
  let f = functions.get(name);
  if (f === undefined) {
    f = library().lib.func(PROTOTYPES[name]);
    functions.set(name, f);
  }
  return f;
}

/** Calls and returns the result. @throws KernelError when it is -1, with errno read before anything else can change it. */
export function call(name: Name, args: readonly Arg[], about?: string): number {
  const result = Number(native(name)(...args));
  if (result === -1) throw new KernelError(name, library().koffi.errno(), about);
  return result;
}

/**
 * The same on a pool thread, for calls that may block. errno is read inside koffi's callback: after an `await` it is
 * wrong every time. A pool thread stuck in the kernel stays so: callers that must not hang run in a process of their own.
 */
export function callAsync(name: Name, args: readonly Arg[], about?: string): Promise<number> {
  const { koffi } = library();
  return new Promise((resolve, reject) => {
    native(name).async(...args, (e, raw) => {
      const errno = koffi.errno();
      void args; // keeps the buffers alive until here
      const result = Number(raw);
      if (e) reject(e);
      else if (result === -1) reject(new KernelError(name, errno, about));
      else resolve(result);
    });
  });
}

/** An errno as an outcome instead of an exception, for loops in which failing is the usual case. */
export function tryCall(name: Name, args: readonly Arg[]): { readonly result: number; readonly errno: number } {
  const result = Number(native(name)(...args));
  return { result, errno: result === -1 ? library().koffi.errno() : 0 };
}

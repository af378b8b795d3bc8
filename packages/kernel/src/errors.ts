import { constants } from 'node:os';

/** Numbers that node:os leaves out and that mounting meets (asm-generic/errno.h). */
const EXTRA: Readonly<Record<number, string>> = { 15: 'ENOTBLK', 117: 'EUCLEAN', 123: 'ENOMEDIUM', 124: 'EMEDIUMTYPE' };

const NAMES: ReadonlyMap<number, string> = new Map([
  ...Object.entries(EXTRA).map(([n, name]) => [Number(n), name] as const),
  ...Object.entries(constants.errno).map(([name, n]) => [n, name] as const),
  // Aliases of one number: the name that Linux manual pages use.
  [constants.errno.EAGAIN, 'EAGAIN'],
  [constants.errno.EOPNOTSUPP, 'EOPNOTSUPP'],
]);

/** `EBUSY` for 16; `E<number>` for one without a name. */
export const errnoName = (errno: number): string => NAMES.get(errno) ?? `E${errno}`;

/** A system call that failed: `errno` its number, `code` its name, like Node's own system errors. */
export class KernelError extends Error {
  override readonly name = 'KernelError';
  readonly errno: number;
  readonly code: string;
  readonly syscall: string;
  /** What the file system said (new mount API); often empty. */
  readonly said: readonly string[];

  constructor(syscall: string, errno: number, about?: string, said: readonly string[] = []) {
    const code = errnoName(errno);
    const what = about === undefined ? syscall : `${syscall} ${about}`;
    super(`${what}: ${code}${said.length > 0 ? ` (${said.join('; ')})` : ''}`);
    this.errno = errno;
    this.code = code;
    this.syscall = syscall;
    this.said = said;
  }
}

/** The name of the error number of anything thrown by this package or by node:fs; undefined for other errors. */
export const errnoCode = (e: unknown): string | undefined => {
  const code = (e as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
};

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { VolumeError } from '@rexray/core';
import { FS_PROGRAMS } from './fs/programs.ts';

/** Programs that this package may start, with the Debian package that brings each. */
export const PROGRAMS = {
  ...FS_PROGRAMS,
  setpriv: 'util-linux',
  mount: 'mount',
  'mount.nfs': 'nfs-common',
} as const satisfies Record<string, string>;

/** Root's directories are not on everybody's PATH. */
const ALWAYS = ['/usr/sbin', '/sbin', '/usr/bin', '/bin'];
const found = new Map<string, string>();

/** Where a program is; undefined when it is not installed. Only hits are remembered: it may be installed later. */
export function findProgram(name: string): string | undefined {
  const known = found.get(name);
  if (known !== undefined) return known;
  for (const dir of [...(process.env.PATH ?? '').split(delimiter), ...ALWAYS]) {
    if (!dir.startsWith('/')) continue; // an empty or relative entry is the working directory's (S23)
    const path = join(dir, name);
    try {
      accessSync(path, constants.X_OK);
      found.set(name, path);
      return path;
    } catch {
      // next
    }
  }
  return undefined;
}

/** @throws `unavailable` naming the Debian package */
export function needProgram(name: string): string {
  const path = findProgram(name);
  if (path !== undefined) return path;
  const pkg = (PROGRAMS as Readonly<Record<string, string>>)[name];
  throw new VolumeError('unavailable', `The program ${name} is not installed on this host.`, {
    details: { expected: name },
    hint: pkg === undefined ? `Install ${name}.` : `Install it: apt-get install ${pkg}.`,
  });
}

/** Of all programs, those that are not here, with their packages. */
export const missingPrograms = (): Record<string, string> =>
  Object.fromEntries(Object.entries(PROGRAMS).filter(([name]) => findProgram(name) === undefined));

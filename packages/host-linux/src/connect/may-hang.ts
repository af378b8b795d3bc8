import { basename, dirname } from 'node:path';
import { readMounts, type TableRow } from '../proc/mountinfo.ts';

/** File systems whose answers come from a server or a process, which may never give one. */
const SERVED =
  /^(fuse(\..+)?|fuseblk|nfs4?|cifs|smb3?|9p|ceph|afs|lustre|glusterfs|ocfs2|gfs2|virtiofs|vboxsf|beegfs|gpfs)$/;

/**
 * The name of a file's directory: what a bind mount of the place, another mount namespace, a takeover and a file that was
 * removed while it was open leave as it is.
 */
const home = (path: string): string => basename(dirname(path));

/** The mount that a path lies on; of two at one target the upper one. */
function mountOf<R extends Pick<TableRow, 'target'>>(rows: readonly R[], path: string): R | undefined {
  let best: R | undefined;
  for (const r of rows) {
    const inside = r.target === '/' || path === r.target || path.startsWith(`${r.target}/`);
    if (inside && r.target.length >= (best?.target.length ?? 0)) best = r;
  }
  return best;
}

/** The path lies on a file system whose answers come from a server or a process. */
export const isServed = (path: string): boolean => SERVED.test(mountOf(readMounts(), path)?.fsType ?? '');

/**
 * Loop devices that need not be asked whether they are of this image, because the question could hang for as long as
 * somebody else's share or FUSE process does: the backing lies on a file system that is served, in a directory of another
 * name. An image has one name (S22), so that this is another file. Devices of local file systems are always asked.
 */
export function mayHang(
  image: string,
  mounts: () => readonly Pick<TableRow, 'target' | 'fsType'>[] = readMounts,
): (backing: string) => boolean {
  const own = home(image);
  let rows: ReturnType<typeof mounts> | undefined;
  return (backing) => {
    if (home(backing) === own) return false;
    rows ??= mounts();
    return SERVED.test(mountOf(rows, backing)?.fsType ?? '');
  };
}

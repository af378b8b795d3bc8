/** What this machine can do for the story, and what to say about the rest. */
import { accessSync, constants, readFileSync } from 'node:fs';

const onPath = (program) =>
  [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'].some((dir) => {
    try {
      accessSync(`${dir}/${program}`, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** @returns the service to use and the file system of step 1, with the sentences that explain a lesser choice */
export function choose() {
  const notes = [];
  const loop = usable('/dev/loop-control');
  if (process.geteuid() !== 0)
    notes.push('not root: the story runs on local-dir (plain directories) instead of loop devices');
  else if (!mayMount())
    notes.push('root without CAP_SYS_ADMIN (a container?): the story runs on local-dir (plain directories)');
  else if (!loop) notes.push('no loop devices (/dev/loop-control): the story runs on local-dir (plain directories)');
  else if (!onPath('mkfs.ext4'))
    notes.push('mkfs.ext4 is missing (apt-get install e2fsprogs): the story runs on local-dir (plain directories)');
  if (notes.length > 0) return { service: 'local-dir', fsType: undefined, notes };
  if (!onPath('mkfs.xfs')) {
    return {
      service: 'local-loop',
      fsType: 'ext4',
      notes: ['mkfs.xfs is missing (apt-get install xfsprogs): step 1 uses ext4 instead'],
    };
  }
  return { service: 'local-loop', fsType: 'xfs', notes };
}

const CAP_SYS_ADMIN = 21n;
function mayMount() {
  const mask = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return ((BigInt(`0x${mask}`) >> CAP_SYS_ADMIN) & 1n) === 1n;
}

function usable(path) {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

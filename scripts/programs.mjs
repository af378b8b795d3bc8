/**
 * Programs that suites use, with the Debian package that brings each. Told at the start of `npm test`; `.ci/run` installs
 * what is missing (`node scripts/programs.mjs --missing-packages`); nothing else here ever calls apt.
 */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';

export const PROGRAMS = {
  'mkfs.ext4': 'e2fsprogs',
  debugfs: 'e2fsprogs',
  'mkfs.xfs': 'xfsprogs',
  xfs_io: 'xfsprogs',
  'mkfs.btrfs': 'btrfs-progs',
  'mkfs.vfat': 'dosfstools',
  losetup: 'mount',
  bindfs: 'bindfs',
  flock: 'util-linux',
  fsfreeze: 'util-linux',
  'systemd-notify': 'systemd',
  blkid: 'util-linux',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  mkswap: 'util-linux',
  partx: 'util-linux',
  sfdisk: 'fdisk',
  sgdisk: 'gdisk',
  cryptsetup: 'cryptsetup-bin',
  pvcreate: 'lvm2',
  mdadm: 'mdadm',
  zip: 'zip',
  setfattr: 'attr',
  setfacl: 'acl',
  ip: 'iproute2',
  dockerd: 'docker.io',
  busybox: 'busybox-static',
  'docker-compose': 'docker-compose',
  podman: 'podman',
  runc: 'runc',
  openssl: 'openssl',
  git: 'git',
  strace: 'strace',
  script: 'bsdutils',
  zsh: 'zsh',
  fish: 'fish',
  tar: 'tar',
};

/** Where distributions keep what only root's PATH has. */
const DIRECTORIES = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];

function installed(program) {
  return DIRECTORIES.some((dir) => {
    try {
      accessSync(join(dir, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** `[['mkfs.xfs', 'xfsprogs'], …]`: programs that are not here. */
export const missingPrograms = () => Object.entries(PROGRAMS).filter(([program]) => !installed(program));

if (argv[1] === fileURLToPath(import.meta.url) && argv.includes('--missing-packages')) {
  console.log([...new Set(missingPrograms().map(([, pkg]) => pkg))].join(' '));
}

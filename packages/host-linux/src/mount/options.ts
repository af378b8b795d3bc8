/** Mount options that are let through, per file system (S21): a table, never a raw string to the kernel or to mount(8). */
import { VolumeError } from '@rexray/core';
import { type FsParameter, MOUNT_ATTR } from '@rexray/kernel';

/** `flag`: no value. A pattern: the value must match all of it. `flag?`: both. */
type Rule = 'flag' | RegExp | readonly ['flag', RegExp];
type Rules = Readonly<Record<string, Rule>>;

const NUMBER = /\d{1,10}/;
const SIZE = /\d{1,10}[kKmMgG]?/;

/** Attributes of the mount itself, the same for every file system. `nosuid` and `nodev` are always set. */
const ATTRIBUTES: Readonly<Record<string, number>> = {
  ro: MOUNT_ATTR.RDONLY,
  nosuid: MOUNT_ATTR.NOSUID,
  nodev: MOUNT_ATTR.NODEV,
  noexec: MOUNT_ATTR.NOEXEC,
  noatime: MOUNT_ATTR.NOATIME,
  strictatime: MOUNT_ATTR.STRICTATIME,
  nodiratime: MOUNT_ATTR.NODIRATIME,
  nosymfollow: MOUNT_ATTR.NOSYMFOLLOW,
  // What a mount has anyway:
  defaults: 0,
  rw: 0,
  exec: 0,
  atime: 0,
  diratime: 0,
  relatime: 0,
};
const COMMON: Rules = { sync: 'flag', dirsync: 'flag', lazytime: 'flag' };

const FILE_SYSTEMS: Readonly<Record<string, Rules>> = {
  ext4: {
    discard: 'flag',
    nodiscard: 'flag',
    data: /ordered|journal|writeback/,
    commit: NUMBER,
    barrier: ['flag', /1/],
    errors: /remount-ro/,
    acl: 'flag',
    user_xattr: 'flag',
    delalloc: 'flag',
    nodelalloc: 'flag',
    auto_da_alloc: ['flag', /1/],
    dioread_lock: 'flag',
    dioread_nolock: 'flag',
    stripe: NUMBER,
    max_batch_time: NUMBER,
    min_batch_time: NUMBER,
    inode_readahead_blks: NUMBER,
    init_itable: ['flag', NUMBER],
    noinit_itable: 'flag',
    usrquota: 'flag',
    grpquota: 'flag',
    prjquota: 'flag',
  },
  xfs: {
    discard: 'flag',
    nodiscard: 'flag',
    inode32: 'flag',
    inode64: 'flag',
    logbufs: /[2-8]/,
    logbsize: /16k|32k|64k|128k|256k|16384|32768|65536|131072|262144/,
    allocsize: SIZE,
    largeio: 'flag',
    nolargeio: 'flag',
    swalloc: 'flag',
    noalign: 'flag',
    sunit: NUMBER,
    swidth: NUMBER,
    wsync: 'flag',
    uquota: 'flag',
    usrquota: 'flag',
    gquota: 'flag',
    grpquota: 'flag',
    pquota: 'flag',
    prjquota: 'flag',
  },
  btrfs: {
    discard: ['flag', /sync|async/],
    nodiscard: 'flag',
    compress: ['flag', /no|lzo|(zlib|zstd)(:\d{1,2})?/],
    'compress-force': ['flag', /lzo|(zlib|zstd)(:\d{1,2})?/],
    commit: NUMBER,
    acl: 'flag',
    noacl: 'flag',
    autodefrag: 'flag',
    noautodefrag: 'flag',
    datacow: 'flag',
    nodatacow: 'flag',
    flushoncommit: 'flag',
    noflushoncommit: 'flag',
    ssd: 'flag',
    ssd_spread: 'flag',
    nossd: 'flag',
    space_cache: /v1|v2/,
    max_inline: SIZE,
    metadata_ratio: NUMBER,
    thread_pool: NUMBER,
    barrier: 'flag',
  },
};

const NFS: Rules = {
  vers: /[34](\.[012])?/,
  nfsvers: /[34](\.[012])?/,
  proto: /tcp6?|udp6?|rdma6?/,
  port: NUMBER,
  mountport: NUMBER,
  rsize: NUMBER,
  wsize: NUMBER,
  timeo: NUMBER,
  retrans: NUMBER,
  retry: NUMBER,
  nconnect: /\d{1,2}/,
  hard: 'flag',
  soft: 'flag',
  softerr: 'flag',
  ac: 'flag',
  noac: 'flag',
  actimeo: NUMBER,
  lock: 'flag',
  nolock: 'flag',
  local_lock: /all|flock|posix|none/,
  resvport: 'flag',
  noresvport: 'flag',
  lookupcache: /all|none|pos|positive/,
  sec: /sys|krb5|krb5i|krb5p/,
  fsc: 'flag',
};
const SHARES: Readonly<Record<string, Rules>> = {
  nfs: NFS,
  nfs4: NFS,
  cifs: {
    vers: /[123](\.\d{1,2}){0,2}|default/,
    uid: NUMBER,
    gid: NUMBER,
    file_mode: /[0-7]{3,5}/,
    dir_mode: /[0-7]{3,5}/,
    sec: /krb5|krb5i|ntlmssp|ntlmsspi|none/,
    cache: /none|strict|loose/,
    guest: 'flag',
    seal: 'flag',
    rsize: NUMBER,
    wsize: NUMBER,
  },
  ceph: { name: /[\w.-]+/, mds_namespace: /[\w.-]+/, fs: /[\w.-]+/, noshare: 'flag', rsize: NUMBER, wsize: NUMBER },
  glusterfs: { 'log-level': /[A-Z]+/, 'backup-volfile-servers': /[\w.:-]+/, acl: 'flag' },
  '9p': { trans: /virtio|tcp|unix/, version: /9p2000(\.[uL])?/, msize: NUMBER, cache: /none|loose|fscache|mmap/ },
  virtiofs: {},
  /** A directory shown at a second place: only what a mount itself can have. */
  bind: {},
  tmpfs: { size: /\d{1,12}[kKmMgG%]?/, mode: /[0-7]{3,5}/, nr_inodes: SIZE },
};

/** Options as the kernel wants them. */
export interface MountOptions {
  readonly readonly: boolean;
  /** {@link MOUNT_ATTR} */
  readonly attributes: number;
  readonly parameters: readonly FsParameter[];
}

const fitsRule = (rule: Rule, value: string | undefined): boolean => {
  if (rule === 'flag') return value === undefined;
  if (rule instanceof RegExp) return value !== undefined && new RegExp(`^(?:${rule.source})$`).test(value);
  return value === undefined || fitsRule(rule[1], value);
};

/**
 * Reads option strings (`noatime`, `commit=30`; commas inside one are taken apart) against the table of a file system.
 * @throws `invalid` naming the option and what is known · `unsupported` for a file system without a table
 */
export function mountOptions(fsType: string, options: readonly string[]): MountOptions {
  const rules = FILE_SYSTEMS[fsType] ?? SHARES[fsType];
  if (rules === undefined) {
    throw new VolumeError('unsupported', `File systems of type "${fsType}" are not mounted.`, {
      details: { option: 'fsType', missing: fsType },
      hint: `Known: ${[...Object.keys(FILE_SYSTEMS), ...Object.keys(SHARES)].join(', ')}.`,
    });
  }
  const known: Rules = fsType === 'bind' ? rules : { ...COMMON, ...rules };
  let attributes = MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV;
  const parameters = new Map<string, FsParameter>();
  for (const option of options.flatMap((o) => o.split(',')).filter((o) => o !== '')) {
    const [key = '', ...rest] = option.split('=');
    const value = rest.length === 0 ? undefined : rest.join('=');
    const attribute = Object.hasOwn(ATTRIBUTES, key) ? ATTRIBUTES[key] : undefined;
    if (attribute !== undefined && value === undefined) {
      attributes |= attribute;
      continue;
    }
    const rule = Object.hasOwn(known, key) ? known[key] : undefined;
    if (rule === undefined || !fitsRule(rule, value)) throw refused(fsType, option, key, known);
    parameters.set(key, value === undefined ? [key] : [key, value]);
  }
  if (fsType === 'ext4') parameters.set('errors', ['errors', 'remount-ro']); // S24
  const readonly = (attributes & MOUNT_ATTR.RDONLY) !== 0;
  return { readonly, attributes, parameters: [...parameters.values()] };
}

function refused(fsType: string, option: string, key: string, known: Rules): VolumeError<'invalid'> {
  const rule = Object.hasOwn(known, key) ? known[key] : undefined;
  const all = [...Object.keys(ATTRIBUTES), ...Object.keys(known)].sort().join(', ');
  return new VolumeError('invalid', `The mount option "${option}" is not allowed for ${fsType}.`, {
    details: { path: 'mountOptions', value: option, expected: rule === undefined ? all : `another value of ${key}` },
    hint: rule === undefined ? `Allowed: ${all}.` : `Allowed values of ${key}: ${describeRule(rule)}.`,
  });
}

const describeRule = (rule: Rule): string =>
  rule === 'flag' ? 'none' : rule instanceof RegExp ? rule.source : `none, or ${rule[1].source}`;

import { isVolumeError } from '@rexray/core';
import { describe, expect, it } from 'vitest';
import { mountOptions, parseMountinfo } from '../src/index.ts';
import { canonicalTarget } from '../src/mount/mountpoint.ts';
import { mountAt } from '../src/proc/mountinfo.ts';

const codeOf = (f: () => unknown): string | undefined => {
  try {
    f();
  } catch (e) {
    return isVolumeError(e) ? e.code : String(e);
  }
  return undefined;
};

describe('mountinfo', () => {
  const table = [
    '22 27 0:21 / /proc rw,relatime - proc proc rw',
    '40 27 7:3 / /mnt/a\\040b\\011c\\134d rw,nosuid shared:5 master:1 - ext4 /dev/loop3 rw,errors=remount-ro',
    '41 27 7:4 /sub /mnt/caf\u00e9 ro - xfs /dev/loop4 rw',
    '42 27 7:5 / /mnt/caf\u00e9 rw - xfs /dev/loop\\0435 ro',
    'garbage',
  ].join('\n');
  const rows = parseMountinfo(Buffer.from(table, 'utf8').toString('latin1'));

  it('reads optional fields, octal escapes and UTF-8', () => {
    expect(rows).toHaveLength(4);
    expect(rows[1]).toEqual({
      mountId: 40,
      devno: '7:3',
      root: '/',
      target: '/mnt/a b\tc\\d',
      fsType: 'ext4',
      source: '/dev/loop3',
      readonly: false,
      peers: 'shared:5',
    });
    expect(rows[2]).toMatchObject({ root: '/sub', target: '/mnt/café', readonly: true });
    expect(rows[3]).toMatchObject({ source: '/dev/loop#5', readonly: true });
  });

  it('gives the one on top of two at a target', () => {
    expect(mountAt(rows, '/mnt/café')?.mountId).toBe(42);
  });
});

describe('S21: mount options are allow-listed', () => {
  it.each([
    ['ext4', ['noatime', 'commit=30', 'data=ordered', 'discard']],
    ['xfs', ['inode64', 'logbufs=8', 'logbsize=256k', 'nodiratime']],
    ['btrfs', ['compress=zstd:3', 'discard=async', 'noatime']],
    ['nfs', ['vers=4.2', 'hard', 'rsize=1048576']],
    ['bind', ['noexec', 'ro']],
  ])('S21: %s takes %j', (fsType, options) => {
    expect(codeOf(() => mountOptions(fsType, options))).toBeUndefined();
  });

  it.each([
    ['ext4', 'journal_path=/dev/vda'],
    ['ext4', 'data=none'],
    ['ext4', 'commit=1;reboot'],
    ['ext4', 'nobarrier'],
    ['ext4', 'barrier=0'],
    ['ext4', 'suid'],
    ['ext4', 'dev'],
    ['ext4', 'remount'],
    ['ext4', 'errors=continue'],
    ['ext4', 'toString'],
    ['ext4', '__proto__'],
    ['ext4', 'noatime,bind'],
    ['xfs', 'logdev=/dev/vda'],
    ['xfs', 'nouuid'],
    ['xfs', 'norecovery'],
    ['btrfs', 'device=/dev/vda'],
    ['btrfs', 'subvol=../x'],
    ['btrfs', 'degraded'],
    ['nfs', 'vers=4.2\nsuid'],
    ['cifs', 'password=x'],
    ['bind', 'sync'],
  ])('S21: %s refuses %j', (fsType, option) => {
    expect(codeOf(() => mountOptions(fsType, [option]))).toBe('invalid');
  });

  it('S20: always nosuid and nodev; S24: ext4 always errors=remount-ro', () => {
    const o = mountOptions('ext4', ['rw', 'defaults']);
    expect(o.attributes & 6).toBe(6);
    expect(o.parameters).toEqual([['errors', 'remount-ro']]);
    expect(codeOf(() => mountOptions('vfat', []))).toBe('unsupported');
  });
});

describe('targets', () => {
  it.each(['relative', '/a/../b', '/a/', '/a/./b', '//a', '/a\0b'])('refuses %j', (target) => {
    expect(codeOf(() => canonicalTarget(target))).toBe('invalid');
  });
});

import { describe, expect, it } from 'vitest';
import { mayHang } from '../src/connect/may-hang.ts';

const rows = (
  [
    ['/', 'ext4'],
    ['/srv', 'nfs4'],
    ['/srv/local', 'xfs'],
    ['/mnt/dir', 'fuse.bindfs'],
  ] as const
).map(([target, fsType]) => ({ target, fsType, mountId: 1, devno: '0:1', root: '/', source: 'x', readonly: false }));

describe('loop devices that need not be asked (S7, S15)', () => {
  const skip = mayHang('/srv/volumes/vol-1/image', () => rows);

  it('are those of served file systems, in another directory', () => {
    expect(skip('/srv/volumes/vol-2/image')).toBe(true);
    expect(skip('/mnt/dir/theirs')).toBe(true);
    expect(skip('/mnt/dir/theirs (deleted)')).toBe(true);
  });

  it('are none that could be of this image, by a takeover, another mount of its place, or a removal', () => {
    for (const path of ['/srv/volumes/vol-1/image.3', '/mnt/dir/vol-1/image', '/srv/x/vol-1/.nfs0000000000a1'])
      expect(skip(path)).toBe(false);
  });

  it('are none of local file systems', () => {
    for (const path of ['/home/theirs', '/srv/local/vol-2/image', '/mnt/directory/theirs'])
      expect(skip(path)).toBe(false);
  });
});

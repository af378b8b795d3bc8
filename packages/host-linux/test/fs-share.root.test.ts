/** Images on a file system that cannot tell holes from data, as NFS before 4.2 and most of FUSE: all of a new one looks written. */
import { BINDFS, Cleanup, share, suite } from '@rexray/rig';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { probe } from '../src/fs/index.ts';
import { MIB, put, sh, sparse, tools, zero } from './fs-images.ts';

const programs = { ...BINDFS, mkswap: 'util-linux', blkid: 'util-linux' } as const;
suite('S2: blank on a share that knows no holes', { root: true, programs }, () => {
  const cleanup = new Cleanup();
  let dir: string;
  beforeAll(async () => {
    dir = (await share(cleanup, cleanup.tempDir())).path;
  });
  afterAll(() => cleanup.run());

  const look = (place: ReturnType<typeof sparse>) => probe(place, { prove: true }, tools);

  test('a new image is blank, a large one as well', async () => {
    expect(await look(sparse(dir, 'new', 64))).toEqual({ verdict: 'blank' });
    expect(await look(sparse(dir, 'large', 16_384))).toEqual({ verdict: 'blank' });
  });

  test('zeros that were written from end to end are read, all of them', async () => {
    expect(await look(zero(sparse(dir, 'zeros', 16), 0, 16 * MIB))).toEqual({ verdict: 'blank' });
  });

  test('one byte is enough, also where no sample of a disk would look', async () => {
    // Between the 64 KiB of two samples: (300 MiB - 64 KiB) / 1023 lies between them.
    const at = 150 * MIB + 100_000;
    expect(await look(put(sparse(dir, 'byte', 300), at, 'x'))).toMatchObject({ verdict: 'unknown', at });
  });

  test('a signature is named, though its image could be read as zeros elsewhere', async () => {
    const place = sparse(dir, 'swap', 64);
    sh('mkswap', place.path);
    expect(await look(place)).toMatchObject({ verdict: 'foreign', found: expect.stringContaining('swap') });
  });
});

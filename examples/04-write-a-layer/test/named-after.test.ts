import { isVolumeError } from '@rexray/core';
import { testRexray } from '@rexray/runtime/testing';
import { describe, expect, it } from 'vitest';
import { namedAfter } from '../src/named-after.ts';

const code = (e: unknown): unknown => (isVolumeError(e) ? e.code : e);

describe('a layer that holds volumes to a naming rule', () => {
  it('refuses other names on every verb that names a volume, and makes nothing', async () => {
    const rex = await testRexray({ layers: [namedAfter(['db'])] });
    try {
      const volumes = rex.service();
      await volumes.create('db-1', { size: '64MiB' });
      await volumes.snapshots.create('db-1', 'snap');
      await expect(volumes.create('other').catch(code)).resolves.toBe('denied');
      await expect(volumes.clone('db-1', 'other').catch(code)).resolves.toBe('denied');
      await expect(volumes.snapshots.restore('snap', 'other').catch(code)).resolves.toBe('denied');
      expect((await volumes.list()).items.map((v) => v.name)).toEqual(['db-1']);
    } finally {
      await rex.close();
    }
  });
});

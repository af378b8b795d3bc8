import { isVolumeError } from '@rexray/core';
import { testRexray } from '@rexray/runtime/testing';
import { expect, it } from 'vitest';

it('S2: a foreign signature on a volume whose record says blank is refused and left alone, with consent or without', async () => {
  const r = await testRexray();
  try {
    for (const overwriteFs of [false, true]) {
      const name = `v-${overwriteFs}`;
      await r.integration.create(name, { size: '1GiB', overwriteFs });
      const disk = r.backend.byName(name)?.disk;
      if (disk === undefined) throw new Error('no disk');
      disk.content = { signature: 'LUKS header' };
      const refused = await r.integration.mount(name, { holder: 'cli' }).catch((e: unknown) => e);
      expect(isVolumeError(refused, 'denied') && refused.details.rule).toBe('S2');
      expect(disk.content).toEqual({ signature: 'LUKS header' });
      // The record was not moved on: the refusal came before the first note of a format.
      expect((await r.integration.get(name)).format).toBe('blank');
    }
    expect(await r.leaks()).toEqual([]);
  } finally {
    await r.close();
  }
});

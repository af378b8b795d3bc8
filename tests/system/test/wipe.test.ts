import { isVolumeError } from '@rexray/core';
import { type TestOptions, type TestRexray, testRexray } from '@rexray/runtime/testing';
import { afterEach, describe, expect, it } from 'vitest';

const open: TestRexray[] = [];
async function used(o: TestOptions = {}): Promise<{ r: TestRexray; uuid: string }> {
  const r = await testRexray(o);
  open.push(r);
  await r.integration.create('data', { size: '200MiB' });
  await r.integration.mount('data', { holder: 'cli' });
  r.machine.write('/volumes/data/data/x', 'kept');
  await r.integration.unmount('data', { holder: 'cli' });
  return { r, uuid: (await r.integration.get('data')).fsUuid ?? '' };
}
afterEach(async () => {
  for (const r of open.splice(0)) await r.close();
});
const codeOf = (p: Promise<unknown>): Promise<unknown> =>
  p.then(
    () => 'ok',
    (e: unknown) => (isVolumeError(e) ? e.code : e),
  );

describe('S3: a wipe that mkfs would refuse', () => {
  it.each([
    ['of an unknown file system', { fsType: 'vfat' as never }, 'invalid'],
    ['of one that does not fit', { fsType: 'xfs' as const }, 'out_of_range'],
    ['without a UUID', { wipe: undefined as never }, 'invalid'],
  ])('%s changes nothing', async (_, o, code) => {
    const { r, uuid } = await used();
    expect(await codeOf(r.integration.format('data', { wipe: uuid, ...o }))).toBe(code);
    expect((await r.integration.get('data')).format).toBe('formatted');
    await r.integration.mount('data', { holder: 'cli' });
    expect(r.machine.read('/volumes/data/data/x')).toBe('kept');
  });

  it('because the program is missing changes nothing, and names the package', async () => {
    const { r, uuid } = await used();
    Object.assign(r.machine.o, { missing: { 'mkfs.btrfs': 'btrfs-progs' } });
    await expect(r.integration.format('data', { wipe: uuid, fsType: 'btrfs' })).rejects.toMatchObject({
      code: 'unavailable',
      hint: expect.stringContaining('btrfs-progs'),
    });
    expect((await r.integration.get('data')).format).toBe('formatted');
  });

  it('a UUID in capitals that is interrupted is still the one that may be wiped', async () => {
    const { r, uuid } = await used();
    r.crashAt('format/format');
    await expect(r.integration.format('data', { wipe: uuid.toUpperCase() })).rejects.toThrow('at ');
    const again = await r.reopen();
    open.push(again);
    await again.integration.mount('data', { holder: 'cli' });
    expect(again.machine.read('/volumes/data/data/x')).toBeUndefined();
  });
});

it('a volume that a person attached stays attached when it is wiped', async () => {
  const { r, uuid } = await used();
  await r.integration.attach('data');
  await r.integration.format('data', { wipe: uuid });
  expect((await r.integration.get('data')).attachments).toMatchObject([{ here: true }]);
  await r.integration.mount('data', { holder: 'cli' });
  await r.integration.unmount('data', { holder: 'cli' });
  expect((await r.integration.get('data')).attachments).toMatchObject([{ here: true }]);
  expect(await r.leaks()).toEqual([]);
  await r.integration.detach('data');
});

/** What a client of libStorage is told of a directory: it is there, so there is nothing to wait for. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { bytes, type Ctx, emptyRecord, silentLogger, type Volume } from '@rexray/core';
import { Cleanup } from '@rexray/rig';
import { afterAll, describe, expect, it } from 'vitest';
import plugin, { LocalDirDriver } from '../src/index.ts';

const cleanup = new Cleanup();
afterAll(() => cleanup.run());
const { legacy } = plugin.plugin;
const ctx = (): Ctx => ({
  signal: AbortSignal.timeout(30_000),
  deadline: performance.now() + 30_000,
  requestId: 'test',
  progress() {},
});

async function made(): Promise<{ volume: Volume; path: string; node: string }> {
  const root = cleanup.tempDir('rexray-local-dir-');
  const d = new LocalDirDriver({ volumePath: root, shared: false }, silentLogger, '/nowhere');
  const facts = { nodeId: randomUUID(), hostname: 'n', bootId: randomUUID(), macs: [] };
  const node = await d.whoami(facts, ctx());
  await d.identity({}, ctx());
  const spec = { sizeBytes: bytes(0), record: emptyRecord({ state: 'none' }), params: {}, asked: [] };
  const { id } = await d.create('data', spec, ctx());
  await d.attach(id, node, { force: false, readonly: false, bootId: facts.bootId }, ctx());
  // The facet reads the status alone, and that is the driver's.
  return { volume: (await d.get(id, ctx())) as unknown as Volume, path: join(root, 'data'), node };
}

describe('the legacy facet', () => {
  it('is of REX-Ray’s kind "object" (as vfs was): a client formats nothing and picks no device', () => {
    expect([legacy?.type, legacy?.nextDevice?.ignore ?? true]).toEqual(['object', true]);
  });

  it('an attached volume has an empty token, which is waited for by nobody; its device is the directory', async () => {
    const { volume, path, node } = await made();
    expect([legacy?.attachToken(volume, node), legacy?.deviceName?.(volume, node)]).toEqual(['', path]);
  });

  it('where the driver says no directory, no name is made up', () => {
    expect(legacy?.deviceName?.({ status: {} } as unknown as Volume, 'node')).toBeUndefined();
  });
});

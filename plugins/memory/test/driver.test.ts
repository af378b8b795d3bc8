import { type StorageWorld, storageConformance } from '@rexray/conformance';
import { bytes, mib } from '@rexray/core';
import { describe, it } from 'vitest';
import { classify, MemoryBackend, type MemoryConfig, MemoryDriver, type MemoryParams } from '../src/index.ts';

function world(config: Partial<MemoryConfig>): StorageWorld<MemoryParams> {
  const backend = new MemoryBackend();
  return {
    driver: new MemoryDriver(config, backend),
    another: async () => ({ driver: new MemoryDriver(config, backend) }),
    content: {
      async write(id, text) {
        const disk = backend.volumes.get(id)?.disk;
        if (disk !== undefined) disk.content = { noise: text };
      },
      read: async (id) => backend.volumes.get(id)?.disk.content.noise,
    },
    async foreign() {
      const id = backend.addForeign('not-ours', mib(64), { noise: 'theirs' });
      return { name: 'not-ours', intact: async () => backend.volumes.get(id)?.disk.content.noise === 'theirs' };
    },
    async halfMade(node, bootId) {
      const id = backend.nextId('vol');
      backend.half.set(id, { id, name: 'half', node, bootId });
      return { exists: async () => backend.half.has(id) };
    },
    async lose() {
      backend.lost = true;
      return async () => {
        backend.lost = false;
      };
    },
    close: async () => undefined,
  };
}

const variants: Record<string, Partial<MemoryConfig>> = {
  memory: { maxSize: mib(1024), maxAttachments: 12 },
  'memory, switch': { fencing: 'switch' },
  'memory, no fencing': { fencing: 'none' },
  'memory, shares': { multiWriter: true },
  'memory, this node only': { scope: 'local' },
};
for (const [name, config] of Object.entries(variants)) {
  storageConformance<MemoryParams>(name, {
    runner: { describe, it },
    open: async () => world(config),
    classify,
    params: { tier: 'a' },
    otherParams: { tier: 'b' },
    sizeBytes: bytes(2 ** 26),
  });
}

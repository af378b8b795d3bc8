import type { StorageConformanceOptions, StorageWorld } from '@rexray/conformance';
import { bytes, type StorageDriver } from '@rexray/core';
import { classify, MemoryBackend, type MemoryConfig, MemoryDriver, type MemoryParams } from '../src/index.ts';

/** What a driver object is given to be wrong with. */
export interface Inside {
  readonly driver: MemoryDriver;
  readonly backend: MemoryBackend;
  /** The driver of a process that was started again. */
  readonly reopened: boolean;
}
export type Wrong = (x: Inside) => Partial<StorageDriver<MemoryParams>>;

export interface WorldOptions {
  readonly config?: Partial<MemoryConfig>;
  /** Treat the memory as if it outlived the process. */
  readonly durable?: boolean;
  readonly wrong?: Wrong;
}

/** The driver with some of its members replaced. */
function altered(x: Inside, o: WorldOptions): StorageDriver<MemoryParams> {
  const { durable: _, ...traits } = x.driver.traits;
  const over: Record<PropertyKey, unknown> = { ...(o.durable === true && { traits }), ...o.wrong?.(x) };
  return new Proxy(x.driver, {
    get(target, key) {
      if (Object.hasOwn(over, key)) return over[key];
      const member: unknown = Reflect.get(target, key, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

export function memoryWorld(o: WorldOptions): StorageWorld<MemoryParams> {
  const backend = new MemoryBackend();
  const open = (reopened: boolean) =>
    altered({ driver: new MemoryDriver(o.config ?? {}, backend), backend, reopened }, o);
  return {
    driver: open(false),
    another: async () => ({ driver: open(false) }),
    ...(o.durable === true && { reopen: async () => ({ driver: open(true) }) }),
    content: {
      async write(id, text) {
        const disk = backend.volumes.get(id)?.disk;
        if (disk !== undefined) disk.content = { noise: text };
      },
      read: async (id) => backend.volumes.get(id)?.disk.content.noise,
    },
    async foreign() {
      const id = backend.addForeign('not-ours', bytes(2 ** 26), { noise: 'theirs' });
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

export const suiteOptions = (o: WorldOptions): Omit<StorageConformanceOptions<MemoryParams>, 'runner'> => ({
  open: async () => memoryWorld(o),
  classify,
  params: { tier: 'a' },
  otherParams: { tier: 'b' },
  sizeBytes: 2 ** 26,
});

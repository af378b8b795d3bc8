import { mib, notFound, VolumeError, type VolumeSpec } from '@rexray/core';
import type { MemoryBackend, MemoryDriver, MemoryParams, StoredVolume } from '../../src/index.ts';
import type { WorldOptions, Wrong } from '../world.ts';

/** One mistake of a driver, and the rule that must catch it. */
export interface WrongDriver extends WorldOptions {
  readonly rule: string;
  readonly mistake: string;
  readonly wrong: Wrong;
}

type Spec = VolumeSpec<MemoryParams>;
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
export const exists = (what: string) => new VolumeError('already_exists', what, { details: { differs: {} } });
export const inUse = () => new VolumeError('in_use', 'in use', { details: {} });

/** Not found becomes an error that nobody classified. */
export async function unclassified<T>(p: Promise<T>): Promise<T> {
  try {
    return await p;
  } catch (e) {
    throw (e as VolumeError).code === 'not_found' ? new Error('HTTP 400') : e;
  }
}

export const stored = (b: MemoryBackend, id: string): StoredVolume => {
  const v = b.volumes.get(id);
  if (v === undefined) throw notFound('Volume', id);
  return v;
};

/** A create that behaves, but for what happens to a volume that exists. */
export const whereExists =
  (then: (there: StoredVolume, spec: Spec, b: MemoryBackend) => void): Wrong =>
  ({ driver: d, backend: b }) => ({
    async create(name, spec, ctx) {
      const there = b.byName(name);
      const answer = await d.create(name, spec, ctx);
      if (there === undefined) return answer;
      then(there, spec, b);
      return d.get(there.id, ctx);
    },
  });

export const withSpec =
  (change: (spec: Spec, d: MemoryDriver) => Spec): Wrong =>
  ({ driver: d }) => ({ create: (name, spec, ctx) => d.create(name, change(spec, d), ctx) });

export const limits = { maxSize: mib(1024), maxAttachments: 12 };

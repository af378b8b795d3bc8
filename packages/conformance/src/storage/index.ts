import { register } from '../runner.ts';
import { ATTACHING } from './attaching.ts';
import { StorageBench } from './bench.ts';
import { COPYING } from './copying.ts';
import { GROWING } from './growing.ts';
import { KEEPING } from './keeping.ts';
import { LIFECYCLE } from './lifecycle.ts';
import { LISTING } from './listing.ts';
import { RECORDING } from './recording.ts';
import type { StorageConformanceOptions, StorageRule } from './world.ts';

/** Every clause of the storage driver interface that can be tested, in the order in which the suite runs them. */
export const STORAGE_RULES: readonly StorageRule[] = [
  ...LIFECYCLE,
  ...ATTACHING,
  ...RECORDING,
  ...LISTING,
  ...GROWING,
  ...COPYING,
  ...KEEPING,
];

/** Registers one test a rule. A rule whose verb, trait or hook is absent is skipped, and says why. */
export function storageConformance<P = unknown>(name: string, o: StorageConformanceOptions<P>): void {
  o.runner.describe(`storage conformance of ${name}`, () => {
    for (const rule of STORAGE_RULES) {
      register(o.runner, rule, {
        skip: o.skip,
        open: () => o.open(),
        run: async (world) => rule.run(await StorageBench.on(world, o)),
      });
    }
  });
}

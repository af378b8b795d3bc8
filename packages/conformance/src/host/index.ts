import { register } from '../runner.ts';
import { HostBench } from './bench.ts';
import { CONNECTING } from './connecting.ts';
import { LOCKING } from './locking.ts';
import { MOUNTING } from './mounting.ts';
import type { HostConformanceOptions, HostRule } from './world.ts';

/** Every clause of the host driver interface that can be tested. */
export const HOST_RULES: readonly HostRule[] = [...LOCKING, ...CONNECTING, ...MOUNTING];

/** Registers one test a rule. A rule whose hook is absent is skipped, and says why. */
export function hostConformance(name: string, o: HostConformanceOptions): void {
  o.runner.describe(`host conformance of ${name}`, () => {
    for (const rule of HOST_RULES) {
      register(o.runner, rule, {
        skip: o.skip,
        open: () => o.open(),
        async run(world) {
          const bench = new HostBench(world, o);
          try {
            await rule.run(bench);
          } finally {
            await bench.tidy();
          }
        },
      });
    }
  });
}

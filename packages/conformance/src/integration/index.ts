import { register } from '../runner.ts';
import { IntegrationBench } from './bench.ts';
import { CHANGING } from './changing.ts';
import { LIFECYCLE } from './lifecycle.ts';
import { MOUNTING } from './mounting.ts';
import type { IntegrationConformanceOptions, IntegrationRule } from './world.ts';

/** Every sentence of the integration's interface that can be tested, embedded or over a wire. */
export const INTEGRATION_RULES: readonly IntegrationRule[] = [...LIFECYCLE, ...MOUNTING, ...CHANGING];

/** Registers one test a rule. A rule whose verb, trait or hook is absent is skipped, and says why. */
export function integrationConformance(name: string, o: IntegrationConformanceOptions): void {
  o.runner.describe(`integration conformance of ${name}`, () => {
    for (const rule of INTEGRATION_RULES) {
      register(o.runner, rule, {
        skip: o.skip,
        open: () => o.open(),
        async run(world) {
          const bench = new IntegrationBench(world, o);
          let failed = true;
          try {
            await rule.run(bench);
            failed = false;
          } finally {
            // What a rule found is worth more than what its failure left.
            if (failed) await bench.tidy().catch(() => undefined);
            else await bench.tidy();
          }
        },
      });
    }
  });
}

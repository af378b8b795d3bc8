import { storageConformance } from '@rexray/conformance';
import { describe, it } from 'vitest';
import { classify } from '../src/index.ts';
import { world } from './world.ts';

for (const shared of [false, true]) {
  storageConformance(`local-loop, ${shared ? 'shared' : 'this node only'}`, {
    runner: { describe, it },
    open: async () => world({ shared }),
    classify,
  });
}

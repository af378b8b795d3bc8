import { storageConformance } from '@rexray/conformance';
import { mib } from '@rexray/core';
import { describe, it } from 'vitest';
import { suiteOptions, type WorldOptions } from './world.ts';

const variants: Record<string, WorldOptions> = {
  memory: { config: { maxSize: mib(1024), maxAttachments: 12 } },
  'memory, switch': { config: { fencing: 'switch' } },
  'memory, no fencing': { config: { fencing: 'none' } },
  'memory, shares': { config: { multiWriter: true } },
  'memory, this node only': { config: { scope: 'local' } },
};
for (const [name, o] of Object.entries(variants)) {
  storageConformance(name, { runner: { describe, it }, ...suiteOptions(o) });
}

import { type IntegrationWorld, integrationConformance } from '@rexray/conformance';
import { mib } from '@rexray/core';
import type { MemoryConfig } from '@rexray/driver-memory';
import { testRexray } from '@rexray/runtime/testing';
import { describe, it } from 'vitest';

async function world(driver: Partial<MemoryConfig>): Promise<IntegrationWorld> {
  const r = await testRexray({ driver });
  return {
    integration: r.integration,
    content: {
      write: async (path, text) => r.machine.write(path, text),
      read: async (path) => r.machine.read(path),
    },
    leaks: () => r.leaks(),
    async foreign() {
      r.backend.addForeign('not-ours', mib(64), { noise: 'theirs' });
      return { name: 'not-ours' };
    },
    slow(ms) {
      r.backend.faults.clear();
      if (ms > 0) r.backend.faults.delay('*', ms);
    },
    close: () => r.close(),
  };
}

for (const [name, driver] of Object.entries<Partial<MemoryConfig>>({
  'the embedded core': {},
  'the embedded core, shares': { multiWriter: true },
  'the embedded core, no fencing': { fencing: 'none', scope: 'local' },
})) {
  integrationConformance(name, { runner: { describe, it }, open: () => world(driver) });
}

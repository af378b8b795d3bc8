import { integrationConformance } from '@rexray/conformance';
import { bytes, EventBus } from '@rexray/core';
import { describe, it } from 'vitest';
import { Cleanup, type Embedded, embedded, serve } from './embedded.ts';

const hooks = ({ machine, backend, env }: Embedded) => ({
  content: {
    write: async (path: string, text: string) => machine.write(path, text),
    read: async (path: string) => machine.read(path),
  },
  leaks: async () => [
    ...machine.leaks(),
    ...(await env.store.list('intent/')).map(([k]) => k),
    ...[...backend.volumes.values()].filter((v) => v.attachments.length > 0).map((v) => `claim of ${v.name}`),
  ],
  foreign: async () => {
    backend.addForeign('theirs', bytes(64 * 2 ** 20));
    return { name: 'theirs' };
  },
  slow: (ms: number) => {
    backend.faults.clear();
    if (ms > 0) for (const op of ['attach', 'mark'] as const) backend.faults.delay(op, ms);
  },
});

// The same world twice: what the embedded integration passes, the one through socket and client must pass.
integrationConformance('the embedded integration', {
  runner: { describe, it },
  async open() {
    const world = await embedded(new EventBus());
    return { integration: world.integration, ...hooks(world), close: async () => undefined };
  },
});

integrationConformance('the REST client', {
  runner: { describe, it },
  async open() {
    const cleanup = new Cleanup();
    const world = await serve(cleanup);
    return { integration: world.remote, ...hooks(world), close: () => cleanup.run() };
  },
});

import { fileURLToPath } from 'node:url';
import { integrationConformance } from '@rexray/conformance';
import { connect } from '@rexray/rest-client';
import { Cleanup, NodeProcess, suite } from '@rexray/rig';
import { afterAll, beforeAll, describe, it } from 'vitest';

// What the embedded integration passes, the client passes through two processes, over TLS with a token.
suite('two processes, TLS, a token', { programs: { openssl: 'openssl' } }, () => {
  const cleanup = new Cleanup();
  let server: NodeProcess;
  beforeAll(() => {
    const program = fileURLToPath(new URL('server-process.ts', import.meta.url));
    server = new NodeProcess(program, {}, { namespaces: false });
    cleanup.add(() => server.kill());
  });
  afterAll(() => cleanup.run());

  integrationConformance('the REST client over TLS', {
    runner: { describe, it },
    async open() {
      const { id, url, ca, token } = await server.call<{ id: number; url: string; ca: string; token: string }>('open');
      const client = connect({ url, tls: { ca }, token });
      return {
        integration: await client.integration(),
        content: {
          write: (path, text) => server.call<void>('write', id, path, text),
          read: async (path) => (await server.call<string | null>('read', id, path)) ?? undefined,
        },
        leaks: () => server.call<readonly string[]>('leaks', id),
        async foreign() {
          await server.call('foreign', id);
          return { name: 'theirs' };
        },
        slow: (ms) => void server.call('slow', id, ms),
        async close() {
          client.close();
          await server.call('close', id);
        },
      };
    },
  });
});

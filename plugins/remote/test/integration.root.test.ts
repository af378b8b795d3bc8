import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { integrationConformance } from '@rexray/conformance';
import { Cleanup, EXT4, loopsBelow, suite } from '@rexray/rig';
import { openRexray } from '@rexray/runtime';
import { afterAll, beforeAll, describe, it } from 'vitest';
import remote from '../src/index.ts';
import { ServerProcess } from './world.ts';

const mountsBelow = (dir: string): readonly string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((l) => l.split(' ')[4] ?? '')
    .filter((t) => t.startsWith(dir));

// The integration of an agent: the server, in another process, behind TLS and a token, has the storage; loop devices,
// file systems and mounts are this node's.
suite('the integration of an agent', { root: true, loop: true, programs: { ...EXT4, openssl: 'openssl' } }, () => {
  const cleanup = new Cleanup();
  let server: ServerProcess;
  let serial = 0;
  beforeAll(async () => {
    server = await ServerProcess.start(cleanup);
  }, 60_000);
  afterAll(() => cleanup.run());

  integrationConformance('local-loop behind a server', {
    runner: { describe, it },
    sizeBytes: 16 * 2 ** 20,
    async open() {
      const own = new Cleanup();
      const dir = own.tempDir('rexray-agent-');
      const images = join(dir, 'images');
      mkdirSync(images);
      serial += 1;
      const service = `s${serial}`;
      await server.call('add', service, 'local-loop', { volumePath: images, shared: true });
      own.add(() => server.call('drop', service));
      const rex = await openRexray({
        home: dir,
        allowRoots: [images],
        services: { agent: remote(server.config(service)) },
      });
      own.add(() => rex.close());
      return {
        integration: rex.service('agent').integration,
        content: {
          write: async (path, text) => writeFileSync(path, text),
          read: async (path) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined),
        },
        leaks: async () => [...mountsBelow(dir), ...loopsBelow(dir)],
        async foreign() {
          writeFileSync(join(images, 'somebody.img'), Buffer.alloc(4096, 1));
          return { name: 'somebody.img' };
        },
        close: () => own.run(),
      };
    },
  });
});

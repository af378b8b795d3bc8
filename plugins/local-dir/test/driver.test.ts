import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type StorageWorld, storageConformance } from '@rexray/conformance';
import { silentLogger } from '@rexray/core';
import { Cleanup } from '@rexray/rig';
import { describe, it } from 'vitest';
import { classify, LocalDirDriver, type LocalDirParams } from '../src/index.ts';
import { shortHash } from '../src/layout.ts';

function world(shared: boolean): StorageWorld<LocalDirParams> {
  const cleanup = new Cleanup();
  const root = cleanup.tempDir('rexray-local-dir-');
  const open = () => new LocalDirDriver({ volumePath: root, shared }, silentLogger, '/nowhere');
  const facts = { nodeId: randomUUID(), bootId: randomUUID() };
  const nameOf = (id: string): string => id.slice(0, id.lastIndexOf('@'));
  return {
    driver: open(),
    facts,
    reopen: async () => ({ driver: open(), facts }),
    ...(shared && { another: async () => ({ driver: open() }) }),
    content: {
      write: (id, text) => writeFile(join(root, nameOf(id), 'f'), text),
      read: (id) => readFile(join(root, nameOf(id), 'f'), 'utf8').catch(() => undefined),
    },
    async foreign() {
      await mkdir(join(root, 'not-ours'));
      const file = join(root, 'not-ours', 'theirs');
      await writeFile(file, 'theirs');
      return { name: 'not-ours', intact: async () => (await readFile(file, 'utf8')) === 'theirs' };
    },
    async halfMade(node, bootId) {
      const token = [shortHash(node), shortHash(bootId), '1', '1', '1'].join('-');
      const tmp = join(root, '.tmp', `${token}-half`);
      await mkdir(tmp, { recursive: true });
      await writeFile(join(tmp, 'f'), 'half of a copy');
      const sidecar = join(root, '.rexray', 'half');
      await mkdir(sidecar, { recursive: true });
      await mkdir(join(root, 'half'), { recursive: true });
      await writeFile(join(sidecar, 'id.0123456789ab'), '');
      await writeFile(join(sidecar, 'making'), JSON.stringify({ token, from: `.tmp/${token}-half`, ino: '1' }));
      return { exists: async () => existsSync(tmp) || existsSync(sidecar) || existsSync(join(root, 'half')) };
    },
    async lose() {
      await rename(root, `${root}-away`);
      cleanup.add(() => undefined);
      return () => rename(`${root}-away`, root);
    },
    close: () => cleanup.run(),
  };
}

for (const shared of [false, true]) {
  storageConformance<LocalDirParams>(shared ? 'local-dir, shared' : 'local-dir', {
    runner: { describe, it },
    open: async () => world(shared),
    classify,
  });
}

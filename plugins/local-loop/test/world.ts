import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { StorageWorld } from '@rexray/conformance';
import type { Ctx, NodeFacts } from '@rexray/core';
import { Cleanup } from '@rexray/rig';
import type { Calls } from '../src/calls.ts';
import { type LocalLoopConfig, LocalLoopDriver, type LocalLoopParams } from '../src/index.ts';
import { TMP } from '../src/layout.ts';
import { processToken } from '../src/process.ts';

export const ctx = (signal: AbortSignal = new AbortController().signal): Ctx => ({
  signal,
  deadline: performance.now() + 30_000,
  requestId: 'test',
  progress: () => undefined,
});

export const facts = (nodeId: string, bootId = `boot-of-${nodeId}`): NodeFacts => ({
  nodeId,
  bootId,
  hostname: nodeId,
  macs: [],
});

/** A driver that has said who it is. */
export async function node(
  dir: string,
  name: string,
  o: { config?: Partial<LocalLoopConfig>; bootId?: string; calls?: Calls } = {},
): Promise<LocalLoopDriver> {
  const driver = new LocalLoopDriver({ ...o.config, volumePath: dir }, '/nonexistent', o.calls);
  await driver.whoami(facts(name, o.bootId), ctx());
  return driver;
}

const imageOf = async (driver: LocalLoopDriver, id: string): Promise<string> =>
  String((await driver.get(id, ctx())).status?.path);

/** A directory for one rule of the conformance suite. @param below where; default a temporary directory */
export function world(config: Partial<LocalLoopConfig>, below?: string): StorageWorld<LocalLoopParams> {
  const cleanup = new Cleanup();
  const dir = join(below ?? cleanup.tempDir('rexray-local-loop-'), `volumes-${process.hrtime.bigint()}`);
  mkdirSync(dir);
  const make = (): LocalLoopDriver => new LocalLoopDriver({ ...config, volumePath: dir }, '/nonexistent');
  const driver = make();
  return {
    driver,
    another: async () => ({ driver: make() }),
    reopen: async () => ({ driver: make() }),
    content: {
      async write(id, text) {
        const h = await open(await imageOf(driver, id), 'r+');
        await h.write(`${text}\0`, 1 << 20);
        await h.close();
      },
      async read(id) {
        const h = await open(await imageOf(driver, id), 'r');
        const { buffer } = await h.read(Buffer.alloc(64), 0, 64, 1 << 20);
        await h.close();
        return buffer.toString().split('\0')[0];
      },
    },
    async foreign() {
      const path = join(dir, 'theirs.img');
      writeFileSync(path, 'something of theirs');
      return {
        name: 'theirs.img',
        intact: async () => existsSync(path) && readFileSync(path, 'utf8') === 'something of theirs',
      };
    },
    async halfMade(nodeId, bootId) {
      const path = join(dir, TMP, `${processToken(nodeId, bootId)}-half`);
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, 'image'), 'half');
      return { exists: async () => existsSync(path) };
    },
    async lose() {
      renameSync(dir, `${dir}-away`);
      mkdirSync(dir);
      return async () => {
        renameSync(dir, `${dir}-empty`);
        renameSync(`${dir}-away`, dir);
      };
    },
    close: () => cleanup.run(),
  };
}

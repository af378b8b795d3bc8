import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { type StorageWorld, storageConformance } from '@rexray/conformance';
import { Cleanup, suite } from '@rexray/rig';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { classify, type RemoteDriver, type RemoteParams } from '../src/index.ts';
import { ctx, facts, place, ServerProcess } from './world.ts';

const cleanup = new Cleanup();
let server: ServerProcess;
let serial = 0;

/** An empty storage of a driver behind the server: a service of its own for each rule. */
async function world(driver: string, config: object): Promise<StorageWorld<RemoteParams> & { dir: string }> {
  const own = new Cleanup();
  const dir = place(own);
  mkdirSync(dir);
  serial += 1;
  const service = `s${serial}`;
  await server.call('add', service, driver, driver === 'memory' ? config : { ...config, volumePath: dir });
  own.add(() => server.call('drop', service));
  const make = (): RemoteDriver => server.driver(own, service);
  return {
    dir,
    driver: make(),
    another: async () => ({ driver: make() }),
    reopen: async () => ({ driver: make() }),
    async lose() {
      renameSync(dir, `${dir}-away`);
      mkdirSync(dir);
      return async () => {
        rmSync(dir, { recursive: true });
        renameSync(`${dir}-away`, dir);
      };
    },
    close: () => own.run(),
  };
}

/** What local-loop names half-made things after (S12): node, boot and process; of a process that is no more. */
function deadToken(node: string, bootId: string): string {
  const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);
  return [hash(node), hash(bootId).slice(0, 8), 999_999, '1', '1'].join('-');
}

const pathOf = async (driver: StorageWorld<RemoteParams>['driver'], id: string): Promise<string> =>
  String((await driver.get(id, ctx())).status?.path);

/** What only an author of local-loop can do to its storage. */
async function loopWorld(config: object): Promise<StorageWorld<RemoteParams>> {
  const w = await world('local-loop', config);
  const { dir, driver } = w;
  return {
    ...w,
    content: {
      async write(id, text) {
        const h = await open(await pathOf(driver, id), 'r+');
        await h.write(`${text}\0`, 1 << 20);
        await h.close();
      },
      async read(id) {
        const h = await open(await pathOf(driver, id), 'r');
        const { buffer } = await h.read(Buffer.alloc(64), 0, 64, 1 << 20);
        await h.close();
        return buffer.toString().split('\0')[0];
      },
    },
    async halfMade(node, bootId) {
      const path = join(dir, '.tmp', `${deadToken(node, bootId)}-half`);
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, 'image'), 'half');
      return { exists: async () => existsSync(path) };
    },
    async foreign() {
      const path = join(dir, 'theirs.img');
      writeFileSync(path, 'something of theirs');
      return {
        name: 'theirs.img',
        intact: async () => existsSync(path) && readFileSync(path, 'utf8') === 'something of theirs',
      };
    },
  };
}

// What each driver passes in its own process, it passes through a server: two processes, TLS, a token.
suite('the remote driver over TLS, with a token', { programs: { openssl: 'openssl' } }, () => {
  beforeAll(async () => {
    server = await ServerProcess.start(cleanup);
  }, 60_000);
  afterAll(() => cleanup.run());
  const runner = { describe, it };
  const memoryless = { params: { tier: 'a' }, otherParams: { tier: 'b' }, sizeBytes: 2 ** 26 };

  storageConformance('local-loop behind a server', { runner, open: () => loopWorld({ shared: true }), classify });
  storageConformance('local-dir behind a server', {
    runner,
    open: () => world('local-dir', { shared: true }),
    classify,
  });
  // Nothing can take its storage away.
  const kept = async () => ({ ...(await world('memory', {})), lose: undefined as never });
  storageConformance('memory behind a server', { runner, open: kept, classify, ...memoryless });

  it('says that its verbs are provisional until the server has told them', async () => {
    const w = await world('memory', {});
    try {
      const said = () => [w.driver.traits.provisional, w.driver.snapshots !== undefined];
      expect(said()).toEqual([true, false]);
      await w.driver.whoami(facts('n'), ctx());
      expect(said()).toEqual([false, true]);
    } finally {
      await w.close();
    }
  });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup, hasRuntime, RUNTIMES, WORKSPACE } from '@rexray/rig';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PackedFolder } from './packed-folder.ts';

const cleanup = new Cleanup();
let folder: PackedFolder;
beforeAll(async () => {
  folder = await PackedFolder.make(cleanup);
  await folder.installWithOwnCore('examples/03-write-a-driver');
}, 300_000);
afterAll(() => cleanup.run(), 60_000);

const CORES = `
import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { bytes, isVolumeError, VolumeError } from '@rexray/core';
import memory, { MemoryDriver } from '@rexray/driver-memory';
import cupboard, { CupboardDriver } from 'rexray-driver-cupboard';
import * as theirs from './node_modules/rexray-driver-cupboard/node_modules/@rexray/core/dist/index.js';

assert.notEqual(VolumeError, theirs.VolumeError, 'the driver must have its own copy of core');
assert.equal(cupboard.plugin.api, memory.plugin.api);
const ctx = { signal: new AbortController().signal, deadline: performance.now() + 5000, requestId: 'r', progress() {} };
const facts = { nodeId: 'node-1', hostname: 'h', bootId: 'b', macs: [] };
const spec = { sizeBytes: bytes(2 ** 26), record: { format: { state: 'none' }, hints: {}, labels: {}, owner: {} }, params: {}, asked: [] };
for (const driver of [new MemoryDriver(), new CupboardDriver({ root: mkdtempSync('cupboard-') })]) {
  const node = await driver.whoami(facts, ctx);
  const { id } = await driver.create('data', spec, ctx);
  await driver.attach(id, node, { force: false, readonly: false, bootId: 'b' }, ctx);
  const error = await driver.remove(id, ctx).then(() => undefined, (e) => e);
  assert.ok(isVolumeError(error, 'in_use'), String(error));
  await driver.detach(id, node, { force: false }, ctx);
  await driver.remove(id, ctx);
}
console.log('cores: ok');
`;

/** What holds for the types that a consumer sees: each @ts-expect-error is an error of its own when the line compiles. */
const TYPES = `
import { bytes, CONFIG, definePlugin, gib, isVolumeError, LOGGER, type Logger, type Size } from '@rexray/core';
import { schema, Type } from '@rexray/core/schema';
import memory, { MemoryDriver, type MemoryConfig } from '@rexray/driver-memory';

export const sizes: Size[] = [gib(16), bytes(4096), '16GiB', '10g', '5GB'];
// @ts-expect-error a bare number: 16 of what?
export const bare: Size = 16;
// @ts-expect-error not a unit
export const unit: Size = '16 parsecs';

export function narrow(e: unknown): readonly string[] | undefined {
  if (isVolumeError(e, 'in_use')) return e.details.holders;
  // @ts-expect-error details are typed by code
  if (isVolumeError(e, 'not_found')) return e.details.holders;
  return undefined;
}
memory({ capacityBytes: 1024 });
// @ts-expect-error no such setting
memory({ capacity: 1024 });

const params = schema(Type.Object({ tier: Type.Optional(Type.String()) }));
const config = schema(Type.Object({ url: Type.String() }));
class Wants extends MemoryDriver {
  constructor(c: { url: string }, log: Logger) {
    super();
    log.info({}, c.url);
  }
}
definePlugin({ kind: 'storage', name: 'a', config, params, deps: [CONFIG, LOGGER], driver: Wants });
// @ts-expect-error the constructor takes the configuration first
definePlugin({ kind: 'storage', name: 'b', config, params, deps: [LOGGER, CONFIG], driver: Wants });
// @ts-expect-error one dependency is missing
definePlugin({ kind: 'storage', name: 'c', config, params, deps: [CONFIG], driver: Wants });
export type C = MemoryConfig;
`;

describe('packed tarballs, installed by npm outside the workspace', () => {
  it('carry no reference to the workspace', () => {
    expect(folder.tarballs.length).toBeGreaterThanOrEqual(9);
    for (const name of ['core', 'runtime', 'driver-local-loop']) {
      const text = readFileSync(join(folder.path, 'node_modules/@rexray', name, 'package.json'), 'utf8');
      expect(text).not.toMatch(/workspace:|catalog:/);
    }
  });

  it('have one copy of each of our packages', async () => {
    const { stdout } = await execa('npm', ['ls', '@rexray/core', '--all', '--parseable'], {
      cwd: folder.path,
      reject: false,
    });
    const copies = new Set(stdout.split('\n').filter((l) => l.includes('@rexray/core') && !l.includes('cupboard')));
    expect(copies.size).toBe(1);
  });

  it('type-check for a strict consumer, and refuse what they should', async () => {
    folder.write('types.ts', TYPES);
    await folder.compile('types.ts');
  });

  for (const runtime of RUNTIMES) {
    it.skipIf(!hasRuntime(runtime))(`run on ${runtime.name}, with a driver that has its own copy of core`, async () => {
      folder.write('cores.mjs', CORES);
      expect(await folder.run(runtime, 'cores.mjs')).toContain('cores: ok');
    });
  }
});

describe('unbuilt sources', () => {
  for (const runtime of RUNTIMES.filter((r) => r.unbuilt)) {
    it.skipIf(!hasRuntime(runtime))(`run on ${runtime.name}`, async () => {
      const file = join(WORKSPACE, 'tests/system/test/packed-sources.ts');
      const args = [...runtime.args(['@rexray/source']), file];
      const { stdout } = await execa(runtime.program, args, {
        cwd: cleanup.tempDir(),
        timeout: 60_000,
        stdin: 'ignore',
      });
      expect(stdout).toContain('sources: ok');
    });
  }
});

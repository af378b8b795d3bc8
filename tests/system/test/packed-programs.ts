/** Programs that packed.test.ts runs in a folder outside the workspace. */

/** The same error, thrown by a driver with its own copy of core and caught with ours. */
export const CORES = `
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
export const TYPES = `
import { bytes, CONFIG, definePlugin, gib, isVolumeError, LOGGER, type Logger, type Size } from '@rexray/core';
import { schema, Type } from '@rexray/core/schema';
import { openRexray } from '@rexray/runtime';
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

export async function open() {
  const rex = await openRexray({ services: { a: memory(), b: { driver: 'memory', config: { minSize: 4096 } } }, defaultService: 'a' });
  await rex.service('a').create('v', { size: '1GiB', params: { tier: 'x' } });
  // @ts-expect-error no such service
  rex.service('c');
  // @ts-expect-error the driver has no such per-volume option
  await rex.service('a').create('v', { params: { tyre: 'x' } });
  // @ts-expect-error a bare number: 16 of what?
  await rex.service('a').create('v', { size: 16 });
  // @ts-expect-error a typo in the operations
  await openRexray({ services: { a: memory() }, operations: { mount: { premept: true } } });
  // @ts-expect-error a setting that the driver does not have
  await openRexray({ services: { b: { driver: 'memory', config: { minimum: 1 } } } });
}
`;

/** A driver of somebody else, by value and by the name of its package, through the runtime. */
export const THIRD_PARTY = `
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { isVolumeError, openRexray } from '@rexray/runtime';
import cupboard from 'rexray-driver-cupboard';

const rex = await openRexray({
  services: { value: cupboard({ root: './value' }), name: { driver: 'cupboard', config: { root: './name' } } },
  defaultService: 'value',
});
try {
  for (const service of rex.services) {
    const volumes = rex.service(service);
    await volumes.create('data', { size: '64MiB' });
    const mount = await volumes.mount('data');
    assert.ok(existsSync(mount.path), mount.path);
    const error = await volumes.remove('data').then(() => undefined, (e) => e);
    assert.ok(isVolumeError(error, 'in_use'), String(error));
    assert.deepEqual(error.details.holders, [mount.holder]);
    await mount.unmount();
    await volumes.remove('data');
    assert.deepEqual((await volumes.list()).items, []);
  }
} finally {
  await rex.close();
}
console.log('third party: ok');
`;

/** The suite that the driver's author runs, without any test runner. */
export const CONFORMANCE = `
import { mkdtempSync } from 'node:fs';
import { collectingRunner, storageConformance } from '@rexray/conformance';
import cupboard, { CupboardDriver } from 'rexray-driver-cupboard';

const { runner, run } = collectingRunner();
storageConformance('cupboard', {
  runner,
  open: async () => {
    const root = mkdtempSync('cupboard-');
    const reopen = async () => ({ driver: new CupboardDriver({ root }) });
    return { driver: new CupboardDriver({ root }), reopen, close: async () => {} };
  },
  classify: cupboard.plugin.classify,
  sizeBytes: 2 ** 26,
});
const outcomes = await run();
for (const o of outcomes.filter((o) => o.status === 'failed')) console.log(o.rule, o.error);
const count = (status) => outcomes.filter((o) => o.status === status).length;
console.log('conformance: ' + count('passed') + ' passed, ' + count('failed') + ' failed');
`;

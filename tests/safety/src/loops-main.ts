/** One node of the model on real loop devices: told by lines of JSON which verb to run, and which calls of its storage go wrong. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isVolumeError, type StorageDriver, silentLogger, VolumeError } from '@rexray/core';
import localLoop, { LocalLoopDriver } from '@rexray/driver-local-loop';
import { descriptors } from '@rexray/host-linux';
import { openRexray } from '@rexray/runtime';
import { LmdbStore } from '@rexray/store-lmdb';
import { loopsBelow, mountsBelow } from './audit.ts';
import type { Op } from './model.ts';
import { stateOf } from './open.ts';
import { NOTHING, perform } from './perform.ts';
import type { Fault } from './sequence.ts';

export interface LoopsStart {
  readonly home: string;
  readonly shared: string;
  readonly nodeId: string;
}
const start = JSON.parse(process.argv[2] ?? '{}') as LoopsStart;
const UNIT = 2 ** 20;
/** How long a call hangs before it gives up by itself, in ms. */
const HANGS_MS = 400;

let faults: { call: string; kind: Fault['kind']; times: number }[] = [];
const due = (call: string): Fault['kind'] | undefined => {
  const f = faults.find((x) => x.call === call && x.times > 0);
  if (f !== undefined) f.times -= 1;
  return f?.kind;
};
const gone = (call: string): VolumeError<'unavailable'> =>
  new VolumeError('unavailable', `The storage was told to fail ${call}.`, { details: {} });

type Verb = (...args: unknown[]) => Promise<unknown>;
function faulty(call: string, verb: Verb): Verb {
  return async (...args) => {
    const kind = due(call);
    if (kind === undefined) return verb(...args);
    if (kind === 'fail') throw gone(call);
    if (kind === 'lost') {
      await verb(...args);
      throw gone(call);
    }
    await new Promise((resolve) => setTimeout(resolve, HANGS_MS));
    throw new VolumeError('timeout', `The storage did not answer ${call}.`, { details: { afterMs: HANGS_MS } });
  };
}

/** The real driver; what it is told to get wrong, it does wrong on its way in or out. */
class FaultyDriver {
  constructor(...args: ConstructorParameters<typeof LocalLoopDriver>) {
    const driver = new LocalLoopDriver(...args);
    const wrap = (target: object, prefix: string): object =>
      new Proxy(target, {
        get(t, key) {
          const value = Reflect.get(t, key, t) as unknown;
          if (key === 'snapshots' && prefix === '') return wrap(value as object, 'snapshots.');
          return typeof value === 'function' ? faulty(`${prefix}${String(key)}`, (value as Verb).bind(t)) : value;
        },
      });
    // biome-ignore lint/correctness/noConstructorReturn: the driver, behind what makes its calls fail.
    return wrap(driver, '') as FaultyDriver;
  }
}

const service = localLoop({ volumePath: start.shared, shared: true });
const plugin = { ...service.plugin, driver: FaultyDriver as unknown as new () => StorageDriver<unknown> };
const store = (): LmdbStore => new LmdbStore({ dir: stateOf(start.home) }, descriptors, silentLogger);
async function open() {
  return openRexray({
    home: start.home,
    node: { id: start.nodeId, mountNamespace: '/proc/self' },
    services: { shared: { ...service, plugin } as typeof service },
    watch: false,
    leaveWatcher: () => false,
    store: store(),
  });
}
let rex = await open();
const volumes = () => rex.service('shared').integration;
const file = (m: { path: string }): string => join(m.path, 'token');

async function write(name: string, token: string): Promise<void> {
  const v = await volumes().get(name);
  const { mountRoot } = v;
  if (!v.attachments.some((a) => a.here) || v.holders.length === 0 || mountRoot === undefined) return;
  writeFileSync(join(mountRoot, 'data', 'token'), token, { flush: true });
}

async function intents(): Promise<readonly string[]> {
  const own = store();
  const found = (await own.list('intent/')).map(([key]) => key);
  await own.close();
  return found;
}

async function leaks(prefix: string): Promise<readonly string[]> {
  const found: string[] = [...(await intents())];
  const { items } = await volumes().list({ prefix });
  const mounts = mountsBelow(start.home);
  for (const v of items) {
    const held = v.holders.length > 0;
    const mine = v.attachments.some((a) => a.here);
    const root = v.mountRoot ?? '';
    if (held && mine && !mounts.includes(root)) found.push(`no mount of ${v.name}, which is held`);
  }
  const roots = items.filter((v) => v.holders.length > 0).map((v) => v.mountRoot);
  for (const m of mounts) if (!roots.includes(m)) found.push(`mount ${m}`);
  return found;
}

const VERBS: Record<string, (...a: never[]) => unknown> = {
  perform: async (o: Op, prefix: string) => {
    if (o.op === 'write') return write(`${prefix}${o.name}`, o.token);
    if (o.op === 'look') return null;
    return (await perform(volumes(), o, UNIT, prefix)) === NOTHING ? NOTHING : null;
  },
  arm(all: readonly Fault[]) {
    faults = all.filter((f) => f.where === 'storage').map(({ call, kind, times }) => ({ call, kind, times }));
  },
  /** Whether notes of this very process are left: as long as it lives, they are for the watch, after more than ten seconds. */
  async reopen() {
    await rex.close();
    rex = await open();
    return (await intents()).length > 0;
  },
  list: async (prefix: string) => (await volumes().list({ prefix })).items,
  holders: () => volumes().holders.list(),
  snapshots: async () => (await volumes().snapshots.list()).items,
  async content(name: string) {
    const m = await volumes().mount(name, { holder: 'sdk:look' });
    try {
      return existsSync(file(m)) ? readFileSync(file(m), 'utf8') : null;
    } finally {
      await volumes().unmount(name, { holder: 'sdk:look' });
    }
  },
  leaks,
  mounts: () => mountsBelow(start.home).length,
  loops: () => loopsBelow(start.shared).length,
  async clear(prefix: string) {
    const s = volumes();
    for (const h of await s.holders.list()) await s.holders.release(h.volume, h.holder);
    for (const v of (await s.list({ prefix })).items) if (v.attachments.some((a) => a.here)) await s.detach(v.name);
  },
  async remove(prefix: string) {
    const s = volumes();
    for (const x of (await s.snapshots.list()).items) if (x.name.startsWith(prefix)) await s.snapshots.remove(x.name);
    for (const v of (await s.list({ prefix })).items) await s.remove(v.name);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, verb, args } = JSON.parse(line) as { id: number; verb: string; args: never[] };
  void (async () => {
    try {
      process.stdout.write(`${JSON.stringify({ id, result: (await VERBS[verb]?.(...args)) ?? null })}\n`);
    } catch (e) {
      const error = isVolumeError(e) ? e.toJSON() : { code: 'internal', message: String((e as Error).stack) };
      process.stdout.write(`${JSON.stringify({ id, error })}\n`);
    }
  })();
}

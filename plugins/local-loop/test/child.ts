/** A node of its own, in a process of its own: what races and kills are made of. One JSON argument; the result as JSON on stdout. */
import fs from 'node:fs';
import { bytes, emptyRecord, isVolumeError, MIB } from '@rexray/core';
import { type Calls, directCalls, pooledCalls } from '../src/calls.ts';
import { LocalLoopDriver } from '../src/driver.ts';

export interface Order {
  readonly dir: string;
  readonly node: string;
  readonly boot: string;
  readonly shared?: boolean;
  readonly run: 'attach' | 'create' | 'count' | Once;
  /** Races: rounds, and the wall-clock time (ms) at which the first begins. */
  readonly rounds?: number;
  readonly startAt?: number;
  /** SIGKILL before this mutating call, counted from 0. */
  readonly killAt?: number;
  /** A bug that the races must find. */
  readonly bug?: 'overwriting-claims' | 'overwriting-records';
}
export type Once =
  | 'make'
  | 'remove'
  | 'mark'
  | 'claim'
  | 'release'
  | 'snap'
  | 'unsnap'
  | 'copy'
  | 'restore'
  | 'grow'
  | 'take'
  | 'adopt';

const MUTATING: readonly (keyof Calls)[] = [
  'makeDir',
  'makeFile',
  'makeMark',
  'makeSymlink',
  'hardLink',
  'rename',
  'renameNew',
  'unlink',
  'syncDir',
  'grow',
  'clone',
  'copy',
  'removeTree',
  'removeEmptyDir',
];

function killing(calls: Calls, at: number): Calls {
  let count = 0;
  const counted = Object.entries(calls).map(([name, call]) => [
    name,
    (...args: unknown[]) => {
      if (MUTATING.includes(name as keyof Calls) && count++ === at) process.kill(process.pid, 'SIGKILL');
      return (call as (...a: unknown[]) => unknown)(...args);
    },
  ]);
  return Object.fromEntries(counted) as Calls;
}

const buggy: Record<NonNullable<Order['bug']>, Partial<Calls>> = {
  'overwriting-claims': {
    makeSymlink: async (target, path) => {
      fs.symlinkSync(target, `${path}.${process.pid}`);
      fs.renameSync(`${path}.${process.pid}`, path);
      return true;
    },
  },
  'overwriting-records': {
    hardLink: async (from, to) => {
      fs.copyFileSync(from, `${to}.${process.pid}`);
      fs.renameSync(`${to}.${process.pid}`, to);
      return true;
    },
  },
};

const o = JSON.parse(process.argv[2] ?? '{}') as Order;
const ctx = {
  signal: new AbortController().signal,
  deadline: performance.now() + 60_000,
  requestId: o.node,
  progress: () => undefined,
};
const spec = (by: string) => ({
  sizeBytes: bytes(MIB),
  record: { ...emptyRecord({ state: 'blank', fsType: 'ext4' }), labels: { by } },
  params: {},
  asked: ['size'] as const,
});
const attachOptions = { force: false, readonly: false, bootId: o.boot } as const;

const plain = o.shared === true ? pooledCalls : directCalls;
const calls = { ...plain, ...(o.bug && buggy[o.bug]) };
const driver = new LocalLoopDriver({ volumePath: o.dir, shared: o.shared === true }, '/nonexistent', calls);
await driver.whoami({ nodeId: o.node, bootId: o.boot, hostname: o.node, macs: [] }, ctx);
const idOf = async (name: string): Promise<string> => (await driver.find(name, ctx))?.id ?? `${name}@absent`;

/** All nodes begin a round at the same moment. */
function wait(round: number): void {
  const at = (o.startAt ?? 0) + round * 6;
  while (Date.now() < at);
}

const races = {
  async attach(): Promise<unknown> {
    const won: string[] = [];
    for (let r = 0; r < (o.rounds ?? 0); r++) {
      const id = await idOf(`race-${r}`);
      wait(r);
      try {
        await driver.attach(id, o.node, attachOptions, ctx);
        won.push(id);
      } catch (e) {
        if (!isVolumeError(e, 'in_use', 'busy')) throw e;
      }
    }
    return won;
  },
  async create(): Promise<unknown> {
    const got: string[] = [];
    for (let r = 0; r < (o.rounds ?? 0); r++) {
      wait(r);
      const v = await driver.create(`made-${r}`, spec(o.node), ctx);
      got.push(`${v.id} ${v.record.labels.by}`);
    }
    return got;
  },
  async count(): Promise<unknown> {
    wait(0);
    for (let done = 0; done < (o.rounds ?? 0); ) {
      const v = await driver.get(await idOf('counter'), ctx);
      const n = Number(v.record.labels.n ?? 0) + 1;
      try {
        await driver.mark(v.id, { labels: { n: String(n) } }, { ifRevision: v.record.revision }, ctx);
        done++;
      } catch (e) {
        if (!isVolumeError(e, 'busy')) throw e;
      }
    }
    return undefined;
  },
};

/** One verb on the volume `v` (or the snapshot `s`) that is there; its mutating calls are the steps. */
async function once(run: Once, target: LocalLoopDriver): Promise<unknown> {
  const v = await idOf('v');
  const snapshot = async () => (await driver.snapshots.list({}, ctx)).items[0]?.id ?? 's@absent';
  switch (run) {
    case 'make':
      return target.create('new', spec('crash'), ctx);
    case 'remove':
      return target.remove(v, ctx);
    case 'mark':
      return target.mark(v, { labels: { marked: 'yes' } }, { ifRevision: '1' }, ctx);
    case 'claim':
      return target.attach(v, o.node, attachOptions, ctx);
    case 'release':
      return target.detach(v, o.node, { force: false }, ctx);
    case 'snap':
      return target.snapshots.create(v, 'new-snapshot', { consistency: 'clean' }, ctx);
    case 'unsnap':
      return target.snapshots.remove(await snapshot(), ctx);
    case 'copy':
      return target.clone(v, 'new', spec('crash'), ctx);
    case 'restore':
      return target.snapshots.restore(await snapshot(), 'new', spec('crash'), ctx);
    case 'grow':
      return target.expand(v, bytes(4 * MIB), ctx);
    case 'take':
      return target.attach(v, o.node, { ...attachOptions, force: true }, ctx);
    case 'adopt': {
      const foreign = (await driver.list({}, ctx)).items.find((x) => x.foreign === true);
      return target.adopt(foreign?.id ?? '', 'new', spec('crash').record, ctx);
    }
  }
}

async function main(): Promise<unknown> {
  if (o.run === 'attach' || o.run === 'create' || o.run === 'count') return races[o.run]();
  const mortal = killing(calls, o.killAt ?? -1);
  // The steps of the verb alone are counted: this one is pinned to the place before its calls begin to count.
  const target = new LocalLoopDriver({ volumePath: o.dir, shared: o.shared === true }, '/nonexistent', {
    ...calls,
    ...(await pinned(mortal)),
  });
  await target.whoami({ nodeId: o.node, bootId: o.boot, hostname: o.node, macs: [] }, ctx);
  armed = mortal;
  return once(o.run, target);
}

let armed: Calls | undefined;
/** Calls that count once armed. */
async function pinned(mortal: Calls): Promise<Calls> {
  const through = Object.keys(mortal).map((name) => [
    name,
    (...args: unknown[]) => {
      const from = (armed ?? calls) as unknown as Record<string, (...a: unknown[]) => unknown>;
      return from[name]?.(...args);
    },
  ]);
  return Object.fromEntries(through) as Calls;
}

console.log(JSON.stringify((await main()) ?? null));

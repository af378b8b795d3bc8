/** Two nodes over one storage in memory: simulated machines, real core. */
import { FakeMachine } from '@rexray/conformance';
import { isVolumeError, MemoryStore } from '@rexray/core';
import { MemoryBackend } from '@rexray/driver-memory';
import { type TestRexray, testRexray } from '@rexray/runtime/testing';
import type { Answer, Seen, World } from './check-sequence.ts';
import type { Fencing, Node, Op } from './model.ts';
import { NOTHING, perform, seenBy } from './perform.ts';
import type { Crash, Fault } from './sequence.ts';

/** Deadline of a verb here, in ms: a call that hangs costs this much of simulated time. */
const DEADLINE_MS = 3_000;

export async function simulatedWorld(fencing: Fencing): Promise<World> {
  const backend = new MemoryBackend();
  const machines = [0, 1].map((n) => new FakeMachine({ disks: backend, nodeId: `node-${n}` }));
  const stores = [new MemoryStore(), new MemoryStore()];
  const open = (n: number): Promise<TestRexray> =>
    testRexray({
      backend,
      machine: machines[n] as FakeMachine,
      store: stores[n] as MemoryStore,
      driver: { fencing },
      policy: { timeoutMs: DEADLINE_MS },
    });
  const nodes = [await open(0), await open(1)] as [TestRexray, TestRexray];
  const write = async (n: Node, name: string, token: string): Promise<void> => {
    const mount = machines[n]?.mounts.get(`/volumes/${name}`);
    if (mount === undefined || mount.device.disk.gone) return;
    machines[n]?.write(`/volumes/${name}/token`, token);
    machines[n]?.flush(mount);
  };
  return {
    async run(n: Node, verb: Op): Promise<Answer> {
      try {
        if (verb.op === 'write') {
          const mine = (await nodes[n].integration.get(verb.name)).attachments.some((a) => a.here);
          if (mine) await write(n, verb.name, verb.token);
        } else if (verb.op === 'look') await nodes[n].look();
        else if ((await perform(nodes[n].integration, verb, 2 ** 20)) === NOTHING) return NOTHING;
        return 'ok';
      } catch (e) {
        if (isVolumeError(e)) return verb.op === 'write' && e.code === 'not_found' ? 'ok' : e.code;
        return /process died|at /.test(String(e)) ? 'died' : `bug: ${String((e as Error).stack)}`;
      }
    },
    arm(faults: readonly Fault[], crash: Crash | undefined): void {
      for (const f of faults) (f.where === 'storage' ? onStorage : onHosts)(f, backend, machines);
      if (crash !== undefined) machines[crash.node]?.crashAt('*', { skip: crash.after, power: crash.power });
    },
    async heal(restart): Promise<void> {
      backend.faults.clear();
      for (const m of machines) m.clearTraps();
      for (const n of restart) nodes[n] = await nodes[n].reopen();
    },
    see: () =>
      seenBy(
        nodes.map((x) => x.integration),
        2 ** 20,
      ),
    async content(n, name): Promise<string | undefined> {
      await nodes[n].integration.mount(name, { holder: 'sdk:look' });
      try {
        return machines[n]?.read(`/volumes/${name}/token`);
      } finally {
        await nodes[n].integration.unmount(name, { holder: 'sdk:look' });
      }
    },
    leaks: (n) => nodes[n].leaks(),
    async close(): Promise<void> {
      for (const x of nodes) await x.close();
    },
  };
}

function onStorage(f: Fault, backend: MemoryBackend): void {
  const call = f.call as Parameters<MemoryBackend['faults']['fail']>[0];
  if (f.kind === 'hang') backend.faults.hang(call, { times: f.times });
  else
    backend.faults.fail(call, 'unavailable', {
      times: f.times,
      ...(f.kind === 'lost' && { after: 'effect' as const }),
    });
}

function onHosts(f: Fault, _backend: MemoryBackend, machines: readonly FakeMachine[]): void {
  for (const m of machines) {
    if (f.kind === 'hang') m.hang(f.call, { times: 1 });
    else
      m.fail(f.call, 'unavailable', {
        times: f.times,
        skip: f.skip,
        ...(f.kind === 'lost' && { after: 'effect' as const }),
      });
  }
}

export type { Seen };

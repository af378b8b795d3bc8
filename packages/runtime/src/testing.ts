/** REX-Ray for tests of what stands on it: volumes in memory on a simulated machine, no root, faults, crashes and a search for leaks. */
import { FakeMachine } from '@rexray/conformance';
import {
  type Code,
  EventBus,
  gib,
  type Integration,
  type Layer,
  type Logger,
  MemoryStore,
  type NodeStore,
  type Policy,
  type Reconciled,
  type Service,
  SimulatedCrash,
  type StepHook,
  silentLogger,
} from '@rexray/core';
import memory, { classify, MemoryBackend, type MemoryConfig, MemoryDriver } from '@rexray/driver-memory';
import { openEngine } from './engine/engine.ts';

export interface TestOptions {
  /** Storage shared with other nodes of the same test. */
  readonly backend?: MemoryBackend;
  /** The simulated machine; another one over the same backend is another node. */
  readonly machine?: FakeMachine;
  /** State of the node: hand it to the next open after a crash. */
  readonly store?: NodeStore;
  readonly driver?: Partial<MemoryConfig>;
  readonly policy?: Partial<Policy>;
  readonly layers?: readonly Layer[];
  readonly logger?: Logger;
  readonly watch?: boolean;
  /** Do not wait for the service to be open. */
  readonly background?: boolean;
}

export interface TestFaults {
  /** The next calls of a storage verb fail; `after: 'effect'` = the verb was done and its reply lost. */
  fail(
    op: Parameters<MemoryBackend['faults']['fail']>[0],
    code: Code,
    o?: { readonly times?: number; readonly after?: 'effect' },
  ): void;
}

export interface TestRexray extends AsyncDisposable {
  readonly backend: MemoryBackend;
  readonly machine: FakeMachine;
  readonly store: NodeStore;
  readonly events: EventBus;
  readonly faults: TestFaults;
  /** Steps that ran, as `op/step`, in order. */
  readonly trace: readonly string[];
  service(): Service;
  readonly integration: Integration;
  /** The process dies when this step is about to begin (`mount/format`, or `format` of any verb); phase `end`: just after it. */
  crashAt(step: string, phase?: 'begin' | 'end'): void;
  /** The same machine, storage and state with a new process, as after SIGKILL or a restart. */
  reopen(): Promise<TestRexray>;
  /** What is left that should not be: mounts, devices, claims, intents and notes without a holder. Empty = clean. */
  leaks(): Promise<readonly string[]>;
  /** What the watch does from time to time: finish what this process had to leave. */
  retryLeftovers(): Promise<readonly Reconciled[]>;
  /** One look of the watch: what another node took is taken off here, and its holders are told. */
  look(): Promise<void>;
  close(o?: { readonly graceMs?: number }): Promise<void>;
}

export const testPolicy = (p: Partial<Policy> = {}): Policy => ({
  mountRoot: '/volumes',
  plainTargets: true,
  subdir: '/data',
  dataMode: 0o700,
  preempt: false,
  ignoreUsedCount: false,
  createDisable: false,
  createImplicit: false,
  removeDisable: false,
  removeForce: false,
  defaults: { size: gib(16), hints: {} },
  releaseWaitMs: 500,
  noTakeBackMs: 60_000,
  timeoutMs: 20_000,
  ...p,
});

/** Opens a core over memory and a simulated machine: service `memory`. */
export async function testRexray(o: TestOptions = {}): Promise<TestRexray> {
  const backend = o.backend ?? new MemoryBackend();
  const machine = o.machine ?? new FakeMachine({ disks: backend });
  const store = o.store ?? new MemoryStore();
  const host = machine.host();
  const events = new EventBus();
  const trace: string[] = [];
  const crashes: { step: string; phase: string }[] = [];
  const stepHook: StepHook = ({ op, step, phase }) => {
    if (phase === 'begin') trace.push(`${op}/${step}`);
    const at = crashes.findIndex((c) => (c.step === step || c.step === `${op}/${step}`) && c.phase === phase);
    if (at < 0) return;
    crashes.splice(at, 1);
    machine.kill(host);
    throw new SimulatedCrash(`at ${op}/${step} (${phase})`);
  };
  const engine = await openEngine({
    services: [
      {
        name: 'memory',
        driverName: 'memory',
        driver: new MemoryDriver(o.driver ?? {}, backend),
        params: memory.plugin.params,
        classify,
        policy: testPolicy(o.policy),
      },
    ],
    host,
    // The state outlives this process: whoever reopens gets it as it is.
    store: {
      get: (k) => store.get(k),
      list: (p) => store.list(p),
      commit: (ops, c) => store.commit(ops, c),
      close: async () => {},
    },
    events,
    logger: o.logger ?? silentLogger,
    ...(o.layers !== undefined && { layers: o.layers }),
    stepHook,
    watch: o.watch ?? false,
    ...(o.background === true && { background: true }),
  });
  const self: TestRexray = {
    backend,
    machine,
    store,
    events,
    trace,
    faults: { fail: (op, code, f) => backend.faults.fail(op, code, f) },
    service: () => engine.service('memory'),
    integration: engine.service('memory').integration,
    crashAt: (step, phase = 'begin') => void crashes.push({ step, phase }),
    reopen: async () => {
      machine.kill(host);
      return testRexray({ ...o, backend, machine, store });
    },
    leaks: () => leaks({ backend, machine, store }),
    retryLeftovers: () => engine.retryLeftovers(),
    look: () => engine.look(),
    close: (c) => engine.close(c),
    [Symbol.asyncDispose]: () => engine.close(),
  };
  return self;
}

async function leaks({
  backend,
  machine,
  store,
}: {
  backend: MemoryBackend;
  machine: FakeMachine;
  store: NodeStore;
}): Promise<readonly string[]> {
  const held = new Set<string>();
  const found: string[] = [];
  for (const [key, nv] of await store.list<{
    volumeId: string;
    holders: object;
    attached?: boolean;
    bootId: string;
    mount?: { target: string };
  }>('volume/')) {
    if (nv.bootId === machine.bootId && (Object.keys(nv.holders).length > 0 || nv.attached === true)) {
      held.add(nv.volumeId);
      if (nv.mount !== undefined) held.add(nv.mount.target);
    } else found.push(`note ${key}`);
  }
  for (const [key] of await store.list('intent/')) found.push(`intent ${key}`);
  for (const target of machine.mounts.keys()) if (!held.has(target)) found.push(`mount ${target}`);
  const mountedDevices = new Set([...machine.mounts.values()].map((m) => m.device.id));
  for (const d of machine.devices.values()) if (!mountedDevices.has(d.id)) found.push(`device ${d.path}`);
  for (const v of backend.volumes.values())
    for (const a of v.attachments) if (a.node === machine.nodeId && !held.has(v.id)) found.push(`claim of ${v.name}`);
  return found;
}

export { SimulatedCrash };

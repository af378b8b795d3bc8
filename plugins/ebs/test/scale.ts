/** 1,000 volumes on our own EC2 (not Amazon's) and a virtual clock: what is called, what is refused, how long it takes. */
import { bytes, type Ctx, emptyRecord, GIB } from '@rexray/core';
import { AWS_DEFAULTS } from '../src/buckets.ts';
import { EbsDriver } from '../src/driver.ts';
import type { Action, Ec2 } from '../src/ec2.ts';
import { Ec2Model } from './ec2/model.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface ScaleOptions {
  readonly volumes: number;
  readonly nodes: number;
  /** Processes that call EC2: one server for all nodes, or each node for itself. */
  readonly callers: number;
  readonly takesMs: { readonly create: number; readonly attach: number; readonly detach: number };
}
export interface ScaleResult {
  readonly calls: Readonly<Record<string, number>>;
  readonly throttled: Readonly<Record<string, number>>;
  readonly describes: number;
  /** Volumes left on EC2. */
  readonly left: number;
  /** From the first call to the last answer. */
  readonly seconds: number;
  /** The same for somebody who sees every change at once and never waits for the network: only the buckets bound it. */
  readonly idealSeconds: number;
  /** How much later a volume is through than in that schedule, on average. */
  readonly meanExcessSeconds: number;
  /** Mean time from the end of a change in EC2 to the driver's seeing it, ms. */
  readonly meanLateMs: number;
}
export const USUAL: ScaleOptions = {
  volumes: 1000,
  nodes: 10,
  callers: 1,
  takesMs: { create: 2000, attach: 1500, detach: 1500 },
};

/** On average. */
export const ROUND_TRIP_MS = 30;
/** The SDK's place: the model in this process, a network's latency away. */
function near(model: Ec2Model, clock: VirtualClock): Ec2 {
  const hop = (): Promise<void> => clock.sleep(5 + 20 * clock.random());
  return {
    async send(action, input) {
      await hop();
      const reply = model.handle(action, input);
      await hop();
      return reply;
    },
    close: () => undefined,
  };
}

export async function scale(o: ScaleOptions = USUAL): Promise<ScaleResult> {
  const clock = new VirtualClock();
  const model = new Ec2Model({ clock, takes: o.takesMs, jitter: true, buckets: AWS_DEFAULTS, attachments: 128 });
  const ec2 = near(model, clock);
  const instances = Array.from({ length: o.nodes }, () => model.addInstance().id);
  const drivers = Array.from(
    { length: o.callers },
    (_, i) =>
      new EbsDriver(
        {
          instanceID: instances[i % instances.length] ?? '',
          availabilityZone: 'us-east-1a',
          region: 'us-east-1',
          statusTimeout: '1h',
          statusMaxAttempts: 20,
        },
        { ec2, clock, env: { AWS_EC2_METADATA_DISABLED: 'true' } },
      ),
  );
  const ctx: Ctx = {
    signal: new AbortController().signal,
    deadline: 3_600_000,
    requestId: 'scale',
    progress: () => undefined,
  };
  const late: number[] = [];
  let through = 0;
  const life = async (i: number): Promise<void> => {
    const d = drivers[i % drivers.length] as EbsDriver;
    const node = instances[i % instances.length] as string;
    const record = emptyRecord({ state: 'blank', fsType: 'ext4' });
    const v = await d.create(`volume-${i}`, { sizeBytes: bytes(GIB), record, params: {}, asked: ['size'] }, ctx);
    late.push(clock.now() - (model.volumes.get(v.id)?.until ?? clock.now()));
    await d.attach(v.id, node, { force: false, readonly: false, bootId: 'b' }, ctx);
    late.push(clock.now() - (model.volumes.get(v.id)?.attachments[0]?.until ?? clock.now()));
    await d.detach(v.id, node, { force: false }, ctx);
    await d.remove(v.id, ctx);
    through += clock.now() / 1000;
  };
  await clock.run(
    (async () => {
      for (const d of drivers) await d.whoami({ nodeId: 'n', hostname: 'h', bootId: 'b', macs: [] }, ctx);
      await Promise.all(Array.from({ length: o.volumes }, (_, i) => life(i)));
    })(),
  );
  const best = await ideal(o);
  return {
    calls: model.calls,
    throttled: model.throttled,
    describes: model.describes(),
    left: [...model.volumes.values()].filter((v) => v.state !== 'deleting').length,
    seconds: clock.now() / 1000,
    idealSeconds: best.seconds,
    meanExcessSeconds: through / o.volumes - best.meanSeconds,
    meanLateMs: late.reduce((a, b) => a + b, 0) / late.length,
  };
}

/** Nobody can be faster: each call with the next token of its full bucket, each change seen when it ends, no network. */
async function ideal(o: ScaleOptions): Promise<{ seconds: number; meanSeconds: number }> {
  const clock = new VirtualClock();
  let through = 0;
  const next = new Map<Action, number>();
  const token = async (action: Action): Promise<void> => {
    const { capacity, perSecond } = AWS_DEFAULTS[action];
    const gap = 1000 / perSecond;
    // The time at which the bucket would be full again: a call may go while that is at most a bucket away.
    const full = Math.max(clock.now(), next.get(action) ?? 0) + gap;
    next.set(action, full);
    await clock.sleep(full - capacity * gap - clock.now());
  };
  const change = (ms: number): Promise<void> => clock.sleep(ms * (0.5 + clock.random()));
  const life = async (): Promise<void> => {
    await token('CreateVolume');
    await change(o.takesMs.create);
    await token('AttachVolume');
    await change(o.takesMs.attach);
    await token('DetachVolume');
    await change(o.takesMs.detach);
    await token('DeleteVolume');
    through += clock.now() / 1000;
  };
  await clock.run(Promise.all(Array.from({ length: o.volumes }, life)));
  return { seconds: clock.now() / 1000, meanSeconds: through / o.volumes };
}

const MUTATING: readonly Action[] = ['CreateVolume', 'AttachVolume', 'DetachVolume', 'DeleteVolume'];
export const mutations = (r: ScaleResult): number => MUTATING.reduce((n, a) => n + (r.calls[a] ?? 0), 0);
export const refused = (r: ScaleResult): number => MUTATING.reduce((n, a) => n + (r.throttled[a] ?? 0), 0);

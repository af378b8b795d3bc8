import type { Ctx } from '../context.ts';
import type { Attachment, DriverVolume } from '../driver.ts';
import type { Device, HostMount, HostSession, Probe } from '../host.ts';
import type { Intent, NodeVolume, StoreOp } from '../store.ts';
import { type Env, intentKey, volumeKey } from './env.ts';
import type { Step, Steppable } from './steps.ts';

/** What the steps of one verb share. Filled as they run. */
export interface Work extends Steppable {
  readonly env: Env;
  readonly op: string;
  readonly name: string;
  readonly session: HostSession;
  volume: DriverVolume;
  nv: NodeVolume | undefined;
  readonly readonly: boolean;
  readonly preempt: boolean | 'unsafe';
  /** The preempt is the configuration's, not this caller's: it asks and waits first (S10). */
  readonly implicit: boolean;
  /** This node had the claim before the verb, and not from a verb that was given up: an undo leaves it so. */
  readonly wasAttached: boolean;
  readonly notes: string[];
  attachment?: Attachment;
  device?: Device;
  probe?: Probe;
  mount?: HostMount;
  /** Another node took the volume while this verb ran: nothing of it may be written any more (S11). */
  claimLost?: boolean;
  /** mkfs ran in this verb: nothing to check. */
  formatted?: boolean;
}

export function need<T>(x: T | undefined, what: string): T {
  if (x === undefined) throw new Error(`${what} is not there yet: the order of steps is wrong`);
  return x;
}

export const isBlock = (c: Pick<Work, 'volume'>): boolean => c.volume.record.format.state !== 'none';

export function intentOf(c: Work, detail?: Readonly<Record<string, unknown>>): Intent {
  const { env } = c;
  return {
    op: c.op,
    service: env.service,
    volume: c.name,
    volumeId: c.volume.id,
    owner: env.self,
    at: new Date().toISOString(),
    ...(detail !== undefined && { detail }),
  };
}

/** A durable note before the first deed (S12); the last step of the verb deletes it in the same commit as its result. */
export const intent: Step<Work> = {
  name: 'intent',
  does: () => 'note the work in progress on this node',
  async run(c) {
    await c.env.store.commit([{ put: intentKey(c.env.service, c.name), value: intentOf(c) }]);
  },
  async undo(c) {
    await c.env.store.commit([{ del: intentKey(c.env.service, c.name) }]);
  },
  keptUnlessClean: true,
};

/** The end of a verb that changes nothing of what this node notes. Not awaited on disk: done again, the verb does no harm. */
export const ended: Step<Work> = {
  name: 'done',
  does: () => 'delete the note of the work in progress',
  async run(c) {
    await c.env.store.commit([{ del: intentKey(c.env.service, c.name) }], { durable: false });
  },
};

/** Commits the node's view of the volume (or its absence) together with the end of the intent. */
export async function settle(c: Work, nv: NodeVolume | undefined, o: { durable?: boolean } = {}): Promise<void> {
  const key = volumeKey(c.env.service, c.name);
  const ops: StoreOp[] = [
    nv === undefined ? { del: key } : { put: key, value: nv },
    { del: intentKey(c.env.service, c.name) },
  ];
  await c.env.store.commit(ops, o);
  c.nv = nv;
}

/** Marks the record, always against the revision that was read. */
export async function mark(c: Work, patch: Parameters<Env['driver']['mark']>[1], ctx: Ctx): Promise<void> {
  c.volume = await c.env.driver.mark(c.volume.id, patch, { ifRevision: c.volume.record.revision }, ctx);
}

export function baseNodeVolume(c: Work): NodeVolume {
  const { env, volume } = c;
  const mine = volume.attachments.find((a) => a.node === env.node);
  return {
    service: env.service,
    volume: c.name,
    volumeId: volume.id,
    bootId: env.self.bootId,
    epoch: mine?.epoch ?? 0,
    ...(c.attachment !== undefined && { attachment: c.attachment }),
    ...(c.nv?.attached === true && { attached: true }),
    holders: c.nv?.holders ?? {},
  };
}

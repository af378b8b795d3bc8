import type { Bytes } from '../bytes.ts';
import type { Ctx } from '../context.ts';
import type { AttachOptions, DriverVolume, NodeFacts, StorageDriver, VolumeSpec } from '../driver.ts';
import { isVolumeError, VolumeError } from '../errors.ts';
import { assertName } from '../names.ts';
import type { InitialRecord, RecordPatch, VolumeRecord } from '../record.ts';
import { parse } from '../schema.ts';
import type { StorageAbout, StorageCallOptions, StorageOp } from '../served.ts';
import type { Env } from './env.ts';
import { unsupported } from './facts.ts';
import { disabled } from './verbs/create.ts';

/** What a server stands on when it gives a service's storage to agents. */
export interface Served {
  readonly env: Env;
  /** This machine's uuid: where `whoami` answered it, the platform knows nodes by their uuids. */
  readonly nodeId: string;
}

/** Fields by name; which of them are there, the schema of the route has checked. */
interface Fields extends AttachOptions {
  readonly id: string;
  readonly name: string;
  readonly node: string;
  readonly snapshotId: string;
  readonly volumeId?: string;
  readonly cursor?: string;
  readonly limit?: number;
  readonly expected?: string;
  readonly spec: VolumeSpec;
  readonly record: InitialRecord;
  readonly patch: RecordPatch;
  readonly ifRevision: string;
  readonly sizeBytes: Bytes;
  readonly change: { readonly params?: Record<string, unknown>; readonly hints?: VolumeRecord['hints'] };
  readonly consistency: 'clean' | 'crash';
}
type Act = (s: Served, f: Fields, ctx: Ctx, o: StorageCallOptions) => Promise<unknown>;
type Verb<K extends keyof StorageDriver> = NonNullable<StorageDriver[K]>;

/** A verb that the driver has. @throws `unsupported` */
function has<K extends keyof StorageDriver>({ env }: Served, name: K): Verb<K> {
  const verb = env.driver[name];
  if (verb === undefined) throw unsupported(env, String(name));
  return verb as Verb<K>;
}

/** The spec of a new volume: its options are checked by the schema that only this side has. @throws `invalid`, `denied` */
function specOf({ env }: Served, name: string, f: Fields): VolumeSpec {
  assertName(name);
  if (env.policy.createDisable) throw disabled(env, 'create', name);
  return { ...f.spec, params: parse(env.params, f.spec.params ?? {}, `options of volume "${name}"`) };
}

const ACTS: Readonly<Record<StorageOp, Act>> = {
  whoami: (s, f, ctx, o) => whoami(s, f as unknown as NodeFacts, ctx, o),
  identity: (s, f, ctx) => identity(s, f.expected, ctx),
  list: ({ env }, f, ctx) => env.driver.list(f, ctx),
  get: ({ env }, f, ctx) => env.driver.get(f.id, ctx),
  find: async (s, f, ctx) => ({ volume: await has(s, 'find')(f.name, ctx) }),
  create: (s, f, ctx) => s.env.driver.create(f.name, specOf(s, f.name, f), ctx),
  async remove({ env }, f, ctx) {
    if (env.policy.removeDisable) throw disabled(env, 'remove', f.id);
    await env.driver.remove(f.id, ctx);
  },
  attach({ env }, { node, force, readonly, bootId, ...f }, ctx) {
    if (force !== false)
      env.logger.warn({ service: env.service, volume: f.id, node, force }, 'an agent takes a volume from its owner');
    return env.driver.attach(f.id, node, { force, readonly, bootId }, ctx);
  },
  detach: ({ env }, f, ctx) => env.driver.detach(f.id, f.node, { force: f.force === true }, ctx),
  mark,
  expand: (s, f, ctx) => has(s, 'expand')(f.id, f.sizeBytes, ctx),
  modify: (s, f, ctx) => has(s, 'modify')(f.id, f.change, ctx),
  capacity: (s, _, ctx) => has(s, 'capacity')(ctx),
  clone: (s, f, ctx) => has(s, 'clone')(f.id, f.name, specOf(s, f.name, f), ctx),
  adopt(s, f, ctx) {
    assertName(f.name);
    return has(s, 'adopt')(f.id, f.name, f.record, ctx);
  },
  owner: (s, f, ctx) => has(s, 'owner')(f.id, f.node, ctx),
  requestRelease: (s, f, ctx) => has(s, 'requestRelease')(f.id, f.node, ctx),
  // What this process has in the making is not an agent's to remove.
  sweep: async (s, f, ctx) => (f.node === s.env.node ? [] : has(s, 'sweep')(f.node, f.bootId, ctx)),
  'snapshots.list': (s, f, ctx) => has(s, 'snapshots').list(f, ctx),
  'snapshots.create'(s, f, ctx) {
    assertName(f.name, 'snapshot');
    return has(s, 'snapshots').create(f.id, f.name, { consistency: f.consistency }, ctx);
  },
  'snapshots.remove': (s, f, ctx) => has(s, 'snapshots').remove(f.snapshotId, ctx),
  'snapshots.restore': (s, f, ctx) => has(s, 'snapshots').restore(f.snapshotId, f.name, specOf(s, f.name, f), ctx),
};

/** Ops that say themselves which place they mean, or ask for it. */
const PLACELESS: readonly StorageOp[] = ['whoami', 'identity'];

/**
 * One call of an agent. The agent decides what happens on its own machine; the server sees that it speaks for a node of its
 * own, over the place that it knows, and within what is configured here.
 * @throws `denied` (another node than the caller's), `unavailable` (another place), and what the verb throws
 */
export async function serveStorage(
  s: Served,
  op: StorageOp,
  fields: Readonly<Record<string, unknown>>,
  o: StorageCallOptions,
  ctx: Ctx,
): Promise<unknown> {
  const named = (fields as { node?: string }).node;
  for (const node of [o.node, named]) assertMay(s, node, o.nodes);
  if (!PLACELESS.includes(op) && o.place !== undefined && o.place !== s.env.identity)
    throw otherPlace(s, o.place, s.env.identity);
  const node = o.node ?? named;
  return ACTS[op](s, fields as unknown as Fields, node === undefined ? ctx : { ...ctx, node }, o);
}

function assertMay({ env }: Served, node: string | undefined, nodes: readonly string[] | undefined): void {
  if (node === undefined || nodes === undefined || nodes.includes(node)) return;
  throw new VolumeError(
    'denied',
    `The caller may not act for node ${node} in service "${env.service}": its token is for ${nodes.join(', ') || 'no node'}.`,
    {
      details: { rule: 'node of the token', found: node },
      hint: 'Give that machine a token of its own: rexray token new --nodes.',
    },
  );
}

const otherPlace = ({ env }: Served, expected: string, found: string): VolumeError<'unavailable'> =>
  new VolumeError(
    'unavailable',
    `Service "${env.service}" of this server is over another place than the one that the agent knows: expected ${expected}, found ${found}.`,
    {
      details: { expected, found },
      hint: 'Nothing was changed. Is this the right server, and its storage the right one?',
    },
  );

async function whoami(s: Served, facts: NodeFacts, ctx: Ctx, o: StorageCallOptions): Promise<StorageAbout> {
  const { env } = s;
  const { driver } = env;
  const byUuid = env.node === s.nodeId;
  if (driver.nodeOf === undefined && !byUuid)
    throw new VolumeError(
      'unsupported',
      `The driver ${env.driverName} of service "${env.service}" cannot tell which node another machine is.`,
      { details: { verb: 'nodeOf' }, hint: 'Use it on that machine itself, without a server.' },
    );
  const node = driver.nodeOf === undefined ? facts.nodeId : await driver.nodeOf(facts, ctx);
  assertMay(s, node, o.nodes);
  // How many volumes a node can have is known of this one.
  const { maxAttachments, ...traits } = driver.traits;
  return {
    node,
    service: env.service,
    driver: env.driverName,
    traits: { ...traits, ...(byUuid && maxAttachments !== undefined && { maxAttachments }) },
    verbs: verbsOf(driver),
    paramsSchema: driver.paramsSchema ?? env.params['~standard'].jsonSchema.input(),
    identity: await identity(s, undefined, ctx),
  };
}

const OPTIONAL = [
  'find',
  'expand',
  'modify',
  'capacity',
  'clone',
  'adopt',
  'owner',
  'requestRelease',
  'sweep',
] as const;

const verbsOf = (d: StorageDriver): readonly StorageOp[] => [
  ...OPTIONAL.filter((v) => d[v] !== undefined),
  ...(d.snapshots === undefined
    ? []
    : (['snapshots.list', 'snapshots.create', 'snapshots.remove', 'snapshots.restore'] as const)),
];

/** The place as it is now: this server's own pin first, then the agent's (S9). @throws `unavailable` */
async function identity(s: Served, expected: string | undefined, ctx: Ctx): Promise<string> {
  const { env } = s;
  const found = (await env.driver.identity?.({ expected: env.identity }, ctx)) ?? env.identity;
  if (found !== env.identity) throw otherPlace(s, env.identity, found);
  if (expected !== undefined && expected !== found) throw otherPlace(s, expected, found);
  return found;
}

/** What the record says of the file system is its owner's to say: another node may be about to make it. @throws `in_use`, `busy` */
async function mark({ env }: Served, f: Fields, ctx: Ctx): Promise<DriverVolume> {
  const { patch } = f;
  const { driver } = env;
  if ((patch.format !== undefined || patch.copied !== undefined) && !driver.traits.multiWriter) {
    const v = await driver.get(f.id, ctx);
    const other = v.attachments.find((a) => a.node !== ctx.node);
    if (other !== undefined && v.record.revision === f.ifRevision)
      throw new VolumeError(
        'in_use',
        `Volume "${v.name}" of service "${env.service}" is attached to node ${other.node}: only that node says what is on it.`,
        { details: { node: other.node, epoch: other.epoch }, hint: 'Nothing was changed.' },
      );
  }
  return driver.mark(f.id, patch, { ifRevision: f.ifRevision }, ctx);
}

/** An error of the storage plane with the place where it shows. */
export function placedError(e: unknown, env: Pick<Env, 'service'>, requestId: string): unknown {
  if (isVolumeError(e)) (e as VolumeError).place = { service: env.service, requestId, ...e.place };
  return e;
}

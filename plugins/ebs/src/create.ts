import { createHash } from 'node:crypto';
import type { Volume as Ec2Volume } from '@aws-sdk/client-ec2';
import { isVolumeError, VolumeError, type VolumeSpec } from '@rexray/core';
import type { Patience } from './clock.ts';
import { assertSame, type Copied, duplicate } from './compare.ts';
import type { EbsParams } from './config.ts';
import { is, isUnknown } from './errors.ts';
import type { Parts } from './parts.ts';
import { type Plan, planOf } from './plan.ts';
import { asList, recordTags, TAG } from './tags.ts';
import { idOf, type Volume } from './view.ts';
import { isLive } from './volumes.ts';
import { lateError, until } from './waiting.ts';

type Spec = VolumeSpec<EbsParams>;

const INCARNATIONS = 30;

/** Makes volumes: one for each name, whoever asks, and whatever becomes of a reply. */
export class Making {
  readonly #parts: Parts;
  /** Volumes that this process removed: a reply that names one is of an earlier life of the name (S13). */
  readonly #removed = new Set<string>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  removed(id: string): void {
    if (this.#removed.size > 10_000) this.#removed.clear();
    this.#removed.add(id);
  }

  /** The one volume of a name that is usable as it is. @throws VolumeError `invalid` naming both when there are two */
  async find(name: string, p: Patience): Promise<Ec2Volume | undefined> {
    return (await this.#look(name, p)).usable;
  }

  async #look(name: string, p: Patience): Promise<{ usable?: Ec2Volume; foreign?: Ec2Volume }> {
    const { view, volumes } = this.#parts;
    const live = (await volumes.named(name, p)).filter((v) => isLive(v) && !this.#removed.has(idOf(v)));
    const usable = live.filter((v) => view.ownership(v) !== 'foreign');
    if (usable.length > 1) throw duplicate(name, usable);
    if (usable[0] !== undefined) return { usable: usable[0] };
    return live[0] === undefined ? {} : { foreign: live[0] };
  }

  /** @param copied what the volume is a copy of; the spec's record then says so */
  create(name: string, spec: Spec, p: Patience, copied?: Copied): Promise<Volume> {
    return this.#parts.locks.run(`name ${name}`, async () => {
      for (let incarnation = 0; incarnation < INCARNATIONS; incarnation++) {
        const there = await this.#existing(name, spec, p, copied);
        if (there !== undefined) return there;
        // For an agent: where that machine is.
        const zone = p.node === undefined ? this.#parts.self().zone : (await this.#parts.nodes.get(p.node, p)).zone;
        const plan = planOf(this.#parts.config, spec, this.#parts.config.availabilityZone || zone);
        const made = await this.#make(name, spec, plan, { incarnation, copied }, p);
        if (made !== undefined) return this.#parts.view.volume(made);
      }
      throw new VolumeError('busy', `EC2 answers for deleted volumes when "${name}" is created.`, {
        details: { op: 'create', retryAfterMs: 60_000 },
        hint: 'Try again in some minutes, or choose another name.',
      });
    });
  }

  async #existing(name: string, spec: Spec, p: Patience, copied: Copied | undefined): Promise<Volume | undefined> {
    const { view } = this.#parts;
    const { usable: found, foreign } = await this.#look(name, p);
    if (foreign !== undefined) throw taken(name, foreign);
    if (found === undefined) return undefined;
    assertSame(view.volume(found), spec, found, copied);
    return found.State === 'creating'
      ? this.#ready(idOf(found), name, p).then((v) => v && view.volume(v))
      : view.volume(found);
  }

  /** Undefined when what EC2 answered for is of an earlier life of the name. */
  async #make(
    name: string,
    spec: Spec,
    plan: Plan,
    o: { readonly incarnation: number; readonly copied: Copied | undefined },
    p: Patience,
  ): Promise<Ec2Volume | undefined> {
    const token = this.#token(name, o.incarnation);
    let id: string;
    let ageMs = 0;
    try {
      const r = await this.#parts.client.mutate('CreateVolume', this.#input(name, spec, plan, token, o.copied), p, {
        idempotent: true,
      });
      id = r.VolumeId ?? '';
      // Both by EC2's clock: a volume that was made long before this answer is a repetition of an earlier one.
      if (r.CreateTime !== undefined && r.$date !== undefined)
        ageMs = Math.max(0, r.$date.getTime() - new Date(r.CreateTime).getTime());
    } catch (e) {
      if (is(e, 'IdempotentParameterMismatch')) return this.#otherSpec(name, spec, p, o.copied);
      if (isUnknown(e)) throw unknownCreate(name, e);
      throw e;
    }
    const made = await this.#ready(id, name, p, ageMs);
    // The token outlives the name: somebody may have renamed that volume since, or given it to another cluster.
    return made !== undefined && this.#isNamed(made, name) ? made : undefined;
  }

  #isNamed(v: Ec2Volume, name: string): boolean {
    const { view } = this.#parts;
    return view.ownership(v) === 'ours' && view.volume(v).name === name;
  }

  /**
   * The token is of the name, not of the spec: two callers who want different volumes under one name get one volume and one
   * refusal from EC2 itself, never two volumes. Whose spec it is shows once the volume does.
   */
  async #otherSpec(name: string, spec: Spec, p: Patience, copied: Copied | undefined): Promise<Ec2Volume | undefined> {
    const { clock, volumes, visibleMs } = this.#parts;
    const end = clock.now() + Math.min(visibleMs, (p.deadline - clock.now()) / 2);
    do {
      const there = await this.#existing(name, spec, p, copied);
      if (there !== undefined) return volumes.get(there.id, p);
      await clock.sleep(200, p.signal);
    } while (clock.now() < end);
    return undefined;
  }

  #token(name: string, incarnation: number): string {
    const { config } = this.#parts;
    const text = JSON.stringify(['rexray', config.clusterID, config.tag, name, incarnation]);
    return createHash('sha256').update(text).digest('hex').slice(0, 60);
  }

  #input(name: string, spec: Spec, plan: Plan, token: string, copied: Copied | undefined) {
    const { config, view } = this.#parts;
    // The same call must have the same tags, or EC2 takes it for another one.
    const { revision, chunks } = recordTags(spec.record, { counter: 1, nonce: token.slice(0, 12) });
    const tags = {
      ...config.tags,
      [TAG.name]: view.names.written(name),
      [TAG.cluster]: config.clusterID,
      [TAG.revision]: revision,
      ...chunks,
      ...(copied !== undefined && { [TAG.from]: copied.source }),
    };
    return {
      AvailabilityZone: plan.zone,
      Size: plan.gib,
      VolumeType: plan.type,
      ClientToken: token,
      TagSpecifications: [{ ResourceType: 'volume' as const, Tags: asList(tags) }],
      ...(plan.iops !== undefined && { Iops: plan.iops }),
      ...(plan.throughput !== undefined && { Throughput: plan.throughput }),
      ...(plan.encrypted && { Encrypted: true }),
      ...(plan.kmsKey !== undefined && { KmsKeyId: plan.kmsKey }),
      ...(plan.multiAttach && { MultiAttachEnabled: true }),
      ...(copied !== undefined && { SnapshotId: copied.snapshot }),
    };
  }

  /** The volume once it can be attached; undefined when it turns out to be deleted. */
  async #ready(id: string, name: string, p: Patience, ageMs = 0): Promise<Ec2Volume | undefined> {
    if (this.#removed.has(id)) return undefined;
    const { clock, volumes, waitMs, firstLookMs, visibleMs } = this.#parts;
    const began = clock.now();
    // What is not shown once it must be was deleted: it is of an earlier life of the name.
    const visible = Math.min(visibleMs - ageMs, (p.deadline - began) / 2);
    let seen = false;
    return until<Ec2Volume | undefined>({
      clock,
      patience: p,
      boundMs: Math.max(waitMs, visible + 1_000),
      firstMs: firstLookMs,
      late: (still) =>
        lateError(
          `Volume "${name}" (${id}) is not ready`,
          still,
          'create',
          'It goes on in EC2: repeat the call to wait for the same volume.',
        ),
      step: async () => {
        const v = await volumes.get(id, p);
        if (v === undefined && seen) throw vanished(name, id);
        if (v === undefined)
          return clock.now() - began > visible ? { done: undefined } : { still: 'EC2 does not show it yet' };
        seen = true;
        if (v.State === 'available' || v.State === 'in-use') return { done: v };
        if (v.State === 'deleting' || v.State === 'deleted') return { done: undefined };
        if (v.State === 'error') throw await this.#failed(name, id);
        return { still: `its state is ${v.State}` };
      },
    });
  }

  async #failed(name: string, id: string): Promise<Error> {
    await this.#parts.client
      .mutate('DeleteVolume', { VolumeId: id }, this.#parts.lastWords(), { idempotent: true })
      .catch(() => undefined);
    this.removed(id);
    return new VolumeError(
      'unavailable',
      `EC2 could not make volume "${name}" (${id}): its state became error. It was deleted.`,
      {
        details: { found: 'error' },
        hint: 'Try again; with encryption, check the key and its policy.',
      },
    );
  }
}

const vanished = (name: string, id: string): VolumeError<'unavailable'> =>
  new VolumeError('unavailable', `Volume "${name}" (${id}) vanished while EC2 was making it.`, {
    details: { found: 'gone' },
    hint: 'EC2 does so when it may not use the KMS key: check ebs.kmsKeyID and the policy of the key. Or somebody deleted it.',
  });

const taken = (name: string, v: Ec2Volume): VolumeError<'already_exists'> =>
  new VolumeError('already_exists', `EC2 has a volume named "${name}" (${idOf(v)}) that is not of this service.`, {
    details: { differs: {} },
    hint: 'Adopt it, choose another name, or set ebs.legacy to true to use volumes that REX-Ray made.',
  });

const unknownCreate = (name: string, cause: unknown): unknown =>
  isVolumeError(cause)
    ? cause
    : new VolumeError('unavailable', `EC2 did not answer whether it made volume "${name}".`, {
        details: {},
        cause,
        hint: 'Repeat the call: the same volume is answered if it was made.',
      });

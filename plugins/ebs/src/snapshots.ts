import type { Snapshot as Ec2Snapshot, Filter } from '@aws-sdk/client-ec2';
import {
  assertName,
  bytes,
  type DriverSnapshot,
  emptyRecord,
  GIB,
  notFound,
  type Page,
  VolumeError,
  type VolumeRecord,
} from '@rexray/core';
import { Batcher } from './batch.ts';
import type { Patience } from './clock.ts';
import { decodeCursor, nextPage } from './cursor.ts';
import { is, isUnknown } from './errors.ts';
import type { Parts } from './parts.ts';
import { failed, oldestFirst } from './snapshot-order.ts';
import { asList, readRecord, recordTags, TAG, tagsOf } from './tags.ts';
import { idOf } from './view.ts';
import { lateError, until } from './waiting.ts';

const ID = /^snap-[0-9a-f]{8}([0-9a-f]{9})?$/;

/** Snapshots with the tags that make them ours. */
export class Snapshots {
  readonly #parts: Parts;
  readonly #batch: Batcher<Ec2Snapshot>;
  /** When this process made a snapshot. */
  readonly #made = new Map<string, number>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#batch = new Batcher({
      clock: parts.clock,
      size: 200,
      pace: parts.pace,
      fetch: async (ids) => {
        const found = await this.#all([{ Name: 'snapshot-id', Values: [...ids] }], parts.lastWords());
        return new Map(found.map((s) => [s.SnapshotId ?? '', s]));
      },
    });
  }

  /** Undefined when there is none; what this process has just made is waited for until EC2 shows it. */
  async get(id: string, p: Patience): Promise<Ec2Snapshot | undefined> {
    const { clock, visibleMs } = this.#parts;
    for (;;) {
      const found = ID.test(id) ? await this.#batch.get(id, p) : undefined;
      if (found !== undefined || clock.now() - (this.#made.get(id) ?? Number.NEGATIVE_INFINITY) > visibleMs)
        return found;
      await clock.sleep(200, p.signal);
    }
  }

  async page(
    query: { readonly volumeId?: string; readonly cursor?: string; readonly limit?: number },
    p: Patience,
  ): Promise<Page<DriverSnapshot>> {
    const limit = query.limit ?? 100;
    const filters: Filter[] = [
      { Name: `tag:${TAG.cluster}`, Values: [this.#parts.config.clusterID] },
      { Name: 'tag-key', Values: [TAG.volume] },
      ...(query.volumeId !== undefined ? [{ Name: 'volume-id', Values: [query.volumeId] }] : []),
    ];
    return nextPage({
      limit,
      cursor: decodeCursor(query.cursor),
      sources: 1,
      ask: async (_, token) => {
        const r = await this.#parts.client.read(
          'DescribeSnapshots',
          {
            OwnerIds: ['self'],
            Filters: filters,
            MaxResults: Math.max(5, Math.min(1000, limit)),
            ...(token !== undefined && { NextToken: token }),
          },
          p,
        );
        return { items: r.Snapshots ?? [], token: r.NextToken || undefined };
      },
      key: (s) => s.SnapshotId ?? '',
      show: (s) => this.show(s),
    });
  }

  /** By name, one at a time in this process; of two processes, the older snapshot stays. */
  create(volumeId: string, name: string, consistency: 'clean' | 'crash', p: Patience): Promise<DriverSnapshot> {
    return this.#parts.locks.run(`snapshot ${name}`, async () => {
      assertName(name, 'snapshot');
      const v = await this.#parts.volumes.get(volumeId, p);
      if (v === undefined) throw notFound('Volume', volumeId);
      this.#parts.view.assertUsable(v);
      const volume = this.#parts.view.volume(v);
      const there = await this.named(name, p);
      if (there !== undefined) return this.#same(there, volume.name, idOf(v));
      const made = await this.make(
        volumeId,
        {
          ...this.recordOf(volume.record, volumeId),
          [TAG.name]: this.#parts.view.names.written(name),
          [TAG.volume]: volume.name,
          [TAG.consistency]: consistency,
        },
        { Name: `tag:${TAG.name}`, Values: [this.#parts.view.names.filter(name)] },
        p,
      );
      return this.#same(made, volume.name, volumeId);
    });
  }

  make(volumeId: string, tags: Record<string, string>, mark: Filter, p: Patience): Promise<Ec2Snapshot> {
    const all = this.tagged(tags);
    const TagSpecifications = [{ ResourceType: 'snapshot' as const, Tags: asList(all) }];
    return this.once(
      {
        what: `The snapshot of ${volumeId}`,
        filters: [mark, { Name: 'volume-id', Values: [volumeId] }],
        send: async () => {
          const made = await this.#parts.client.mutate('CreateSnapshot', { VolumeId: volumeId, TagSpecifications }, p);
          return { ...made, Tags: asList(all) };
        },
      },
      p,
    );
  }

  /** With what all snapshots of this service carry. */
  tagged(tags: Record<string, string>): Record<string, string> {
    const { config } = this.#parts;
    return { ...config.tags, ...tags, [TAG.cluster]: config.clusterID };
  }

  /** Neither CreateSnapshot nor CopySnapshot has a token: after a lost reply, what carries the tags is looked for before it is made again. */
  once(
    o: { readonly what: string; readonly filters: readonly Filter[]; readonly send: () => Promise<Ec2Snapshot> },
    p: Patience,
  ): Promise<Ec2Snapshot> {
    const { clock, waitMs } = this.#parts;
    let unknown = 0;
    return until<Ec2Snapshot>({
      clock,
      patience: p,
      boundMs: waitMs,
      late: (still) => lateError(`${o.what} is not there`, still, 'snapshot', 'Repeat the call.'),
      step: async () => {
        if (unknown > 0) {
          const [found] = oldestFirst(await this.all(o.filters, p));
          if (found !== undefined) return { done: found };
          // It may only not be visible yet: look a few times before making another one.
          if (unknown++ < 4) return { still: 'EC2 did not answer, and does not show it' };
        }
        try {
          const made = await o.send();
          if (this.#made.size > 1_000) this.#made.clear();
          this.#made.set(made.SnapshotId ?? '', clock.now());
          return { done: made };
        } catch (e) {
          if (!isUnknown(e)) throw e;
          unknown = 1;
          return { still: 'EC2 did not answer' };
        }
      },
    });
  }

  /** The snapshot once volumes can be made from it. */
  async completed(id: string, p: Patience): Promise<Ec2Snapshot> {
    const { clock } = this.#parts;
    return until<Ec2Snapshot>({
      clock,
      patience: p,
      // Copying a large volume takes long; only the caller's deadline bounds it.
      boundMs: Number.POSITIVE_INFINITY,
      late: (still) =>
        lateError(`Snapshot ${id} is not ready`, still, 'snapshot', 'It goes on in EC2: repeat the call later.'),
      step: async (attempt) => {
        const s = await this.get(id, p);
        if (s === undefined) {
          if (attempt > 20) throw notFound('Snapshot', id);
          return { still: 'EC2 does not show it' };
        }
        if (s.State === 'completed') return { done: s };
        if (s.State === 'error') throw failed(id, s.StateMessage);
        return { still: `EC2 says ${s.State} (${s.Progress ?? '0%'})` };
      },
    });
  }

  async remove(id: string, p: Patience): Promise<void> {
    if (!ID.test(id)) return;
    try {
      this.#made.delete(id);
      await this.#parts.client.mutate('DeleteSnapshot', { SnapshotId: id }, p, { idempotent: true });
    } catch (e) {
      if (!is(e, 'InvalidSnapshot.NotFound')) throw e;
    }
  }

  /** @throws VolumeError `denied` for a snapshot that is not ours */
  async own(id: string, p: Patience): Promise<Ec2Snapshot | undefined> {
    const s = await this.get(id, p);
    if (s === undefined || tagsOf(s.Tags).get(TAG.cluster) === this.#parts.config.clusterID) return s;
    throw new VolumeError('denied', `Snapshot ${id} is not of this service.`, {
      details: { rule: 'S12', found: 'no tag of ours' },
    });
  }

  all(filters: readonly Filter[], p: Patience): Promise<readonly Ec2Snapshot[]> {
    return this.#all([...filters, { Name: `tag:${TAG.cluster}`, Values: [this.#parts.config.clusterID] }], p);
  }

  record(s: Ec2Snapshot): VolumeRecord {
    return readRecord(tagsOf(s.Tags)) ?? { ...emptyRecord({ state: 'none' }), revision: 'none' };
  }

  show(s: Ec2Snapshot): DriverSnapshot {
    const tags = tagsOf(s.Tags);
    return {
      id: s.SnapshotId ?? '',
      name: this.#parts.view.names.read(tags.get(TAG.name)) ?? s.SnapshotId ?? '',
      volumeId: s.VolumeId ?? '',
      volumeName: tags.get(TAG.volume) ?? '',
      sizeBytes: bytes((s.VolumeSize ?? 0) * GIB),
      ...(s.StartTime !== undefined && { createdAt: new Date(s.StartTime).toISOString() }),
      record: this.record(s),
      consistency: tags.get(TAG.consistency) === 'clean' ? 'clean' : 'crash',
      ready: s.State === 'completed',
    };
  }

  async named(name: string, p: Patience): Promise<Ec2Snapshot | undefined> {
    const { names } = this.#parts.view;
    const found = await this.all(
      [
        { Name: `tag:${TAG.name}`, Values: [names.filter(name)] },
        { Name: 'tag-key', Values: [TAG.volume] },
      ],
      p,
    );
    return oldestFirst(found.filter((s) => s.State !== 'error'))[0];
  }

  #same(s: Ec2Snapshot, volumeName: string, volumeId: string): DriverSnapshot {
    const shown = this.show(s);
    if (shown.volumeId === volumeId) return shown;
    throw new VolumeError(
      'already_exists',
      `Snapshot "${shown.name}" (${shown.id}) exists, of volume "${shown.volumeName}".`,
      {
        details: { differs: { volume: { have: shown.volumeName, asked: volumeName } } },
        hint: 'Choose another name.',
      },
    );
  }

  /** The record with a revision of its own: a snapshot's tags never change. */
  recordOf(record: Omit<VolumeRecord, 'revision'>, of: string): Record<string, string> {
    const { revision, chunks } = recordTags(record, { counter: 1, nonce: of.replace(/[^a-z0-9]/g, '').slice(-12) });
    return { [TAG.revision]: revision, ...chunks };
  }

  async #all(Filters: readonly Filter[], p: Patience): Promise<Ec2Snapshot[]> {
    const all: Ec2Snapshot[] = [];
    let token: string | undefined;
    do {
      const input = {
        OwnerIds: ['self'],
        Filters: [...Filters],
        MaxResults: 1000,
        ...(token !== undefined && { NextToken: token }),
      };
      const r = await this.#parts.client.read('DescribeSnapshots', input, p);
      all.push(...(r.Snapshots ?? []));
      token = r.NextToken || undefined;
    } while (token !== undefined);
    return all;
  }
}

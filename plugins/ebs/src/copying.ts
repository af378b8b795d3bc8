import type { Snapshot as Ec2Snapshot } from '@aws-sdk/client-ec2';
import { bytes, GIB, notFound, type VolumeRecord, type VolumeSpec } from '@rexray/core';
import type { Patience } from './clock.ts';
import { assertSame } from './compare.ts';
import type { EbsParams } from './config.ts';
import type { Making } from './create.ts';
import type { Parts } from './parts.ts';
import type { Snapshots } from './snapshots.ts';
import { TAG, tagsOf } from './tags.ts';
import { idOf, type Volume } from './view.ts';

type Spec = VolumeSpec<EbsParams>;

/** Volumes made of others: through a snapshot, which also moves them to another zone. */
export class Copying {
  readonly #parts: Parts;
  readonly #making: Making;
  readonly #snapshots: Snapshots;

  constructor(parts: Parts, making: Making, snapshots: Snapshots) {
    this.#parts = parts;
    this.#making = making;
    this.#snapshots = snapshots;
  }

  async restore(id: string, name: string, spec: Spec, p: Patience): Promise<Volume> {
    const there = await this.#existing(name, spec, id, p);
    if (there !== undefined) return there;
    const s = await this.#snapshots.own(id, p);
    if (s === undefined) throw notFound('Snapshot', id);
    return this.#fromSnapshot(s, { name, spec, source: id, record: this.#snapshots.record(s) }, p);
  }

  /** Interrupted, it is taken up where it was: the snapshot carries the name of the clone. */
  async clone(id: string, name: string, spec: Spec, p: Patience): Promise<Volume> {
    return this.#parts.locks.run(`clone ${name}`, async () => {
      const there = await this.#existing(name, spec, id, p);
      if (there !== undefined) {
        await this.#dropTemporaries(name, p);
        return there;
      }
      const v = await this.#parts.volumes.get(id, p);
      if (v === undefined) throw notFound('Volume', id);
      this.#parts.view.assertUsable(v);
      const { record } = this.#parts.view.volume(v);
      const s = await this.#temporary(idOf(v), name, p);
      try {
        return await this.#fromSnapshot(s, { name, spec, source: id, record }, p);
      } catch (e) {
        // Only the caller's deadline leaves it: the same call then goes on with it, and a sweep ends what nobody repeats.
        if (this.#parts.clock.now() < p.deadline) await this.#drop(s, p);
        throw e;
      } finally {
        if (this.#parts.clock.now() < p.deadline && !p.signal.aborted) await this.#drop(s, p);
      }
    });
  }

  /** Temporary snapshots of this node whose maker is gone: of an earlier boot, or of a clone that is made. */
  async sweep(node: string, bootId: string, p: Patience): Promise<readonly string[]> {
    const gone: string[] = [];
    for (const s of await this.#snapshots.all([{ Name: 'tag-key', Values: [TAG.temporary] }], p)) {
      const tags = tagsOf(s.Tags);
      const [by, boot] = (tags.get(TAG.maker) ?? '').split(' ');
      const clone = tags.get(TAG.temporary) ?? '';
      if (by !== node || (boot === bootId && !(await this.#isMade(clone, p)))) continue;
      await this.#snapshots.remove(s.SnapshotId ?? '', p);
      gone.push(`temporary snapshot ${s.SnapshotId} of a clone "${clone}"`);
    }
    return gone;
  }

  /** A volume that is there needs its snapshot no more. */
  async #isMade(name: string, p: Patience): Promise<boolean> {
    const v = await this.#making.find(name, p).catch(() => undefined);
    return v?.State === 'available' || v?.State === 'in-use';
  }

  async #existing(name: string, spec: Spec, source: string, p: Patience): Promise<Volume | undefined> {
    const found = await this.#making.find(name, p);
    if (found === undefined) return undefined;
    const shown = this.#parts.view.volume(found);
    assertSame(shown, spec, found, { source });
    return shown;
  }

  async #fromSnapshot(
    s: Ec2Snapshot,
    o: { readonly name: string; readonly spec: Spec; readonly source: string; readonly record: VolumeRecord },
    p: Patience,
  ): Promise<Volume> {
    const snapshot = (await this.#snapshots.completed(s.SnapshotId ?? '', p)).SnapshotId ?? '';
    const { format } = o.record;
    // What stands on the copy is what stands on its source, whatever the caller believes; only consent does not travel (S3).
    const { consent: _, ...blank } = format.state === 'blank' ? format : { consent: undefined };
    const record = {
      ...o.spec.record,
      format: format.state === 'blank' ? (blank as typeof format) : format,
      copied: true,
    };
    const sizeBytes = bytes(Math.max(o.spec.sizeBytes, (s.VolumeSize ?? 0) * GIB));
    return this.#making.create(o.name, { ...o.spec, sizeBytes, record }, p, { source: o.source, snapshot });
  }

  async #temporary(volume: string, name: string, p: Patience): Promise<Ec2Snapshot> {
    const [left] = (await this.#temporaries(name, p)).filter((s) => s.VolumeId === volume && s.State !== 'error');
    if (left !== undefined) return left;
    const { node, boot } = this.#parts.self();
    const tags = { [TAG.temporary]: name, [TAG.maker]: `${node} ${boot}`, [TAG.name]: `rexray clone ${name}` };
    return this.#snapshots.make(volume, tags, { Name: `tag:${TAG.temporary}`, Values: [name] }, p);
  }

  #temporaries(name: string, p: Patience): Promise<readonly Ec2Snapshot[]> {
    return this.#snapshots.all([{ Name: `tag:${TAG.temporary}`, Values: [name] }], p);
  }

  async #dropTemporaries(name: string, p: Patience): Promise<void> {
    for (const s of await this.#temporaries(name, p)) await this.#drop(s, p);
  }

  /** Not reached, it stays for the next sweep: the clone is whole without it. */
  async #drop(s: Ec2Snapshot, p: Patience): Promise<void> {
    const own = p.signal.aborted ? this.#parts.lastWords() : p;
    await this.#snapshots.remove(s.SnapshotId ?? '', own).catch(() => undefined);
  }
}

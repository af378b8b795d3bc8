import { randomBytes } from 'node:crypto';
import type { Volume as Ec2Volume } from '@aws-sdk/client-ec2';
import { isVolumeError, nextRecord, notFound, type RecordPatch, VolumeError } from '@rexray/core';
import type { Patience } from './clock.ts';
import type { Parts } from './parts.ts';
import { asList, parseRevision, recordTags, revisionsIn, TAG, type Tags, tagsOf } from './tags.ts';
import type { Volume } from './view.ts';

/** The last write must follow its look within this; a rival waits `DEAD_MS`, so that a write of one who still lives is never taken for one of the dead. */
const FRESH_MS = 3_000;
/** Longer than {@link FRESH_MS} and the longest that a request can be under way (15 s), by the rival's own clock. */
const DEAD_MS = 25_000;
const ROUNDS = 100;

/**
 * Compare-and-swap on the record, which EC2's tags do not have: CreateTags overwrites without asking.
 *
 * Announce, look, write. (1) The new record goes into tags of its own, under a revision that nobody else uses; nobody reads
 * it yet. (2) Look: if the revision is still the expected one and nobody else has announced a successor of it, (3) one tag
 * makes ours the record, in one request with the record itself, so that no reader ever sees half of one. Of two that
 * announce, each sees the other unless it was first and is done, which the other then sees: never do both write. Both may
 * back off; they withdraw and come again after a random while.
 *
 * What remains: EC2 shows writes to other readers a moment later ("eventual consistency"), so that two looks can miss each
 * other's announcement. The claim closes that hole where data is at stake: a node changes the format state only of a volume
 * that is attached to it, under the host's lock of that volume (S4), EC2 attaches to one instance only, and a takeover detaches
 * the loser first. So writers of the format state are never two; a race can cost one of two labels or hints at most.
 */
export class Records {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  mark(id: string, patch: RecordPatch, ifRevision: string, p: Patience): Promise<Volume> {
    return this.#parts.locks.run(`mark ${id}`, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const done = await this.#attempt(id, patch, ifRevision, p);
        if (done !== undefined) return done;
        const wait = 20 * 2 ** Math.min(round, 6) * (0.5 + this.#parts.clock.random());
        await this.#parts.clock.sleep(wait, p.signal);
      }
      throw new VolumeError('busy', `The record of volume ${id} is being changed by others all the time.`, {
        details: { op: 'mark', retryAfterMs: 1_000 },
        hint: 'Try again.',
      });
    });
  }

  async #attempt(id: string, patch: RecordPatch, ifRevision: string, p: Patience): Promise<Volume | undefined> {
    const { view } = this.#parts;
    const before = await this.#read(id, p);
    const current = view.volume(before).record;
    const counter = (parseRevision(current.revision)?.counter ?? 0) + 1;
    const nonce = randomBytes(6).toString('hex');
    const next = nextRecord(current, patch, { ifRevision, revision: `${counter}.${nonce}` });
    if (rivals(tagsOf(before.Tags), counter, '').length > 0) {
      await this.#outwait(id, counter, p);
      return undefined;
    }
    const { revision, chunks } = recordTags(next, { counter, nonce });
    await this.#write(id, chunks, p);
    try {
      if (!(await this.#alone(id, { ifRevision, revision, counter }, p))) {
        await this.#withdraw(id, Object.keys(chunks), p);
        return undefined;
      }
    } catch (e) {
      await this.#withdraw(id, Object.keys(chunks), p);
      throw e;
    }
    return this.#commit(id, chunks, revision, p);
  }

  /** Whether our announcement is seen, the record is still the expected one, and nobody else announced. */
  async #alone(
    id: string,
    o: { readonly ifRevision: string; readonly revision: string; readonly counter: number },
    p: Patience,
  ): Promise<boolean> {
    const { clock, view } = this.#parts;
    for (let i = 0; i < 50; i++) {
      const began = clock.now();
      const v = await this.#read(id, p);
      const tags = tagsOf(v.Tags);
      if (view.volume(v).record.revision !== o.ifRevision)
        throw stale(id, view.volume(v).record.revision, o.ifRevision);
      if (rivals(tags, o.counter, o.revision).length > 0) return false;
      if (revisionsIn(tags).has(o.revision) && clock.now() - began < FRESH_MS) return true;
      await clock.sleep(100, p.signal);
    }
    return false;
  }

  async #commit(id: string, chunks: Record<string, string>, revision: string, p: Patience): Promise<Volume> {
    const { config, view } = this.#parts;
    await this.#write(id, { [TAG.cluster]: config.clusterID, ...chunks, [TAG.revision]: revision }, p);
    const after = await this.#settled(id, revision, p);
    const old = [...revisionsIn(tagsOf(after.Tags))].filter(([r]) => older(r, revision)).flatMap(([, keys]) => keys);
    // Left over, they only take places: the next mark removes them.
    await this.#withdraw(id, old, p);
    return view.volume(after);
  }

  /** The volume once it shows what was written, or what somebody wrote after that. */
  async #settled(id: string, revision: string, p: Patience): Promise<Ec2Volume> {
    const mine = parseRevision(revision)?.counter ?? 0;
    for (let i = 0; ; i++) {
      const v = await this.#read(id, p);
      const seen = parseRevision(tagsOf(v.Tags).get(TAG.revision));
      if (seen !== undefined && seen.counter >= mine) return v;
      if (i > 100) throw lost(id);
      await this.#parts.clock.sleep(100, p.signal);
    }
  }

  /** A rival that died before its last write would stand in the way for ever: after watching it unchanged so long, it is removed. */
  async #outwait(id: string, counter: number, p: Patience): Promise<void> {
    const { clock } = this.#parts;
    const began = clock.now();
    const keysOf = async (): Promise<string> => rivals(tagsOf((await this.#read(id, p)).Tags), counter, '').join();
    const first = await keysOf();
    while (first !== '' && clock.now() - began < DEAD_MS) {
      await clock.sleep(250 * (0.5 + clock.random()), p.signal);
      if ((await keysOf()) !== first) return;
    }
    const dead = first.split(',').filter((k) => k !== '');
    if (dead.length > 0) await this.#withdraw(id, dead, p);
  }

  async #read(id: string, p: Patience): Promise<Ec2Volume> {
    const v = await this.#parts.volumes.get(id, p);
    if (v === undefined) throw notFound('Volume', id);
    this.#parts.view.assertUsable(v);
    return v;
  }

  async #write(id: string, tags: Record<string, string>, p: Patience): Promise<void> {
    await this.#parts.client.mutate('CreateTags', { Resources: [id], Tags: asList(tags) }, p, { idempotent: true });
    this.#parts.volumes.forget(id);
  }

  async #withdraw(id: string, keys: readonly string[], p: Patience): Promise<void> {
    if (keys.length === 0) return;
    const own = p.signal.aborted ? this.#parts.lastWords() : p;
    const Tags = keys.map((Key) => ({ Key }));
    try {
      await this.#parts.client.mutate('DeleteTags', { Resources: [id], Tags }, own, { idempotent: true });
      this.#parts.volumes.forget(id);
    } catch (e) {
      if (isVolumeError(e, 'canceled')) throw e;
    }
  }
}

/** Tag keys of announced successors other than ours. */
function rivals(tags: Tags, counter: number, own: string): readonly string[] {
  const current = tags.get(TAG.revision);
  return [...revisionsIn(tags)]
    .filter(([r]) => r !== own && r !== current && parseRevision(r)?.counter === counter)
    .flatMap(([, keys]) => keys);
}

const older = (r: string, than: string): boolean =>
  (parseRevision(r)?.counter ?? 0) < (parseRevision(than)?.counter ?? 0);

const stale = (id: string, found: string, expected: string): VolumeError<'busy'> =>
  new VolumeError('busy', `The record of volume ${id} changed meanwhile (revision ${found}, expected ${expected}).`, {
    details: { op: 'mark', retryAfterMs: 50 },
    hint: 'Try again.',
  });
const lost = (id: string): VolumeError<'unavailable'> =>
  new VolumeError('unavailable', `EC2 does not show the record that was written for volume ${id}.`, {
    details: {},
    hint: 'Look at the volume before trying again.',
  });

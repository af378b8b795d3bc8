import { type Attachment, type AttachOptions, type Ctx, isVolumeError, notFound, VolumeError } from '@rexray/core';
import type { Claim, NewClaim } from './claims.ts';
import type { Loaded, Volumes } from './client.ts';
import { attachedTo, beingWorkedOn } from './errors.ts';
import { IMAGE, imageFile, superseded, toId } from './layout.ts';
import { leftByTheDead } from './process.ts';
import { assertOneName, finished } from './work.ts';

const TRIES = 20;

interface Wish {
  readonly node: string;
  readonly o: AttachOptions;
  readonly ctx: Pick<Ctx, 'signal'>;
}

/** Claims the volume for a node (S5), by force if that was asked for (S10). */
export async function attach(volumes: Volumes, id: string, wish: Wish): Promise<Attachment> {
  let first: number | undefined;
  for (let i = 0; i < TRIES; i++) {
    wish.ctx.signal.throwIfAborted();
    const v = await finished(volumes, await volumes.own(id), { node: wish.node, boot: wish.o.bootId });
    const mine = v.claim?.kind === 'attach' && v.claim.node === wish.node ? v.claim : undefined;
    if (mine?.boot === wish.o.bootId && mine.unfenced !== true) return again(volumes, v, mine, wish.o.readonly);
    // Taking over names the claim it replaces: of two that preempt one owner, the second does not preempt the first.
    first ??= v.scan.epoch;
    const force = mine !== undefined || v.scan.epoch === first ? wish.o.force : false;
    const fence = needsSwitch(volumes, v, wish, force);
    const taken = await volumes.claims.take(v.name, v.scan, newClaim(v, wish, fence));
    if (taken === undefined) continue;
    const forced =
      v.claim?.unfenced === true || (v.claim !== undefined && v.claim.kind !== 'free' && mine === undefined);
    if (fence) await switchImage(volumes, v, taken.claim, wish.ctx);
    else if (forced) await bump(volumes, v, taken.claim);
    // The record says which image counts: while that is the one that was read before claiming, so is the image.
    const same = !fence && !forced && taken.scan.rev === v.scan.rev;
    const now = same ? { ...v, ...taken } : await claimed(volumes, v, taken.claim);
    await tidy(volumes, now);
    const ino = String(now.image.ino);
    if (now.claim?.ino !== ino) await volumes.claims.rewrite(v.name, v.scan.inc, { ...taken.claim, ...now.claim, ino });
    return describe(now, wish.o.readonly);
  }
  throw new VolumeError('busy', `Other nodes claim volume ${id} at the same time.`, {
    details: { op: 'attach', retryAfterMs: 50 },
    hint: 'Try again.',
  });
}

const newClaim = (v: Loaded, w: Wish, unfenced: boolean): NewClaim => ({
  kind: 'attach',
  node: w.node,
  boot: w.o.bootId,
  ino: String(v.image.ino),
  ...(w.o.readonly && { readonly: true }),
  ...(unfenced && { unfenced }),
});

/** @returns whether the image has to be switched after claiming. @throws VolumeError where the present claim stands in the way */
function needsSwitch(volumes: Volumes, v: Loaded, w: Wish, force: AttachOptions['force']): boolean {
  const { claim, name } = v;
  if (claim === undefined) return false;
  if (claim.kind === 'work') {
    assertWorkEnded(name, claim, w, force);
    if (force !== 'unsafe') assertOneName(v);
    return claim.unfenced === true;
  }
  const others = claim.kind === 'attach' && claim.node !== w.node;
  if (others && force === false) throw attachedTo(name, claim, 'Detach it there first, or take it over.');
  if (force === 'unsafe') return false;
  if (!others && claim.unfenced !== true) return false;
  if (volumes.place.reflink) return true;
  throw attachedTo(
    name,
    claim,
    `It cannot be taken over: the file system of ${volumes.place.root} cannot reflink, so node ${claim.node} cannot be kept from writing. ` +
      'Detach it there; or, once a person has made sure that this node is off, take it "unsafe".',
  );
}

/** A copy only reads, and looks for its claim when it ends; whatever else is being done must have ended before. */
function assertWorkEnded(name: string, claim: Claim, w: Wish, force: AttachOptions['force']): void {
  if (leftByTheDead(claim.token ?? '', w.node, w.o.bootId)) return;
  if (force === 'unsafe' || (force === true && claim.op === 'copy')) return;
  throw beingWorkedOn(name, claim);
}

async function again(volumes: Volumes, v: Loaded, claim: Claim, readonly: boolean): Promise<Attachment> {
  if ((claim.readonly === true) !== readonly) {
    const { readonly: _, ...rest } = claim;
    await volumes.claims.rewrite(v.name, v.scan.inc, { ...rest, ...(readonly && { readonly }) });
  }
  return describe(v, readonly);
}

/** Takes away images that a takeover left. Pre-state: the record was read under our claim, so that no straggler's switch can name them any more. */
async function tidy(volumes: Volumes, v: Loaded): Promise<void> {
  const litter = superseded(v.scan, imageFile(v.kept.image ?? 0)).filter((e) => e.startsWith(IMAGE));
  for (const e of litter) await volumes.calls.unlink(volumes.place.path(v.name, e));
}

/** The volume as it is under our claim. @throws VolumeError `in_use` when that is no longer ours, `not_found` when the volume is gone */
async function claimed(volumes: Volumes, before: Loaded, claim: Claim): Promise<Loaded> {
  const v = await volumes.load(before.name);
  if (v === undefined || v.scan.inc !== before.scan.inc) throw notFound('Volume', toId(before.name, before.scan.inc));
  if (v.claim?.nonce === claim.nonce) return v;
  throw attachedTo(v.name, v.claim ?? claim, 'It was taken over meanwhile.');
}

/** A straggler's switch fails at its compare-and-swap of the record, once that has changed. */
async function bump(volumes: Volumes, before: Loaded, claim: Claim): Promise<void> {
  for (let i = 0; i < TRIES; i++) {
    const v = await claimed(volumes, before, claim);
    try {
      const mark = { patch: {}, ifRevision: v.kept.record.revision };
      return await volumes.records.swap(v.name, v.scan, v.kept, { mark });
    } catch (e) {
      if (!isVolumeError(e, 'busy')) throw e;
    }
  }
}

/**
 * Leaves whoever wrote the image on a file that nobody reads (S10 `switch`). Pre-state: our claim says `unfenced`.
 *
 * clone the image → give it its own name → compare-and-swap the record to it (`copied`: its file system gets another uuid
 * before it is mounted) → clear `unfenced` → remove the old one. Killed at any step, the volume is ours and `unfenced`:
 * nobody is given the image before a switch is done again, from whichever image the record names by then. The old owner
 * lost it with the claim. The record is what decides, not a rename over the old name: a straggler who wakes up after
 * somebody else's takeover fails at the compare-and-swap, where a rename would put its stale copy in place of the new one.
 */
async function switchImage(volumes: Volumes, before: Loaded, claim: Claim, ctx: Wish['ctx']): Promise<void> {
  const { calls, place, claims } = volumes;
  for (let i = 0; i < TRIES; i++) {
    const v = await claimed(volumes, before, claim);
    const tmp = place.scratch();
    const image = place.path(v.name, imageFile(claim.epoch));
    try {
      ctx.signal.throwIfAborted();
      await calls.clone(v.imagePath, tmp);
      await calls.rename(tmp, image);
      await calls.syncDir(place.path(v.name));
      const patch = v.kept.record.format.state === 'formatted' ? { copied: true } : {};
      const mark = { patch, ifRevision: v.kept.record.revision };
      await volumes.records.swap(v.name, v.scan, v.kept, { mark, image: claim.epoch });
    } catch (e) {
      await calls.unlink(tmp);
      if (isVolumeError(e, 'busy') || !(await claims.holds(v.name, v.scan.inc, claim))) continue;
      await giveBack(volumes, v, claim);
      throw e;
    }
    const ino = String((await calls.stat(image))?.ino ?? '');
    const { unfenced: _, ...fenced } = claim;
    if (await claims.holds(v.name, v.scan.inc, claim)) await claims.rewrite(v.name, v.scan.inc, { ...fenced, ino });
    return;
  }
  throw new VolumeError('busy', `The record of volume "${before.name}" changes all the time.`, {
    details: { op: 'attach', retryAfterMs: 50 },
  });
}

/** A takeover that failed is not undone: the old owner may have seen it and stopped. The volume is nobody's, and still unfenced. */
async function giveBack(volumes: Volumes, v: Loaded, claim: Claim): Promise<void> {
  const { claims } = volumes;
  if (await claims.holds(v.name, v.scan.inc, claim)) await claims.release(v.name, v.scan.inc, claim);
}

const describe = (v: Loaded, readonly: boolean): Attachment => ({
  kind: 'file',
  path: v.imagePath,
  inode: { dev: String(v.image.dev), ino: String(v.image.ino) },
  ...(readonly && { readonly }),
});

import { type Attachment, type AttachOptions, type Ownership, VolumeError } from '@rexray/core';
import type { MemoryBackend, StoredVolume } from './backend.ts';
import { assertOurs, inUse } from './checks.ts';
import type { MemoryConfig } from './config.ts';

type Settings = Pick<MemoryConfig, 'multiWriter' | 'fencing' | 'maxAttachments'>;

/** Gives a volume to a node; alone, unless several may write. @throws VolumeError `in_use`, `denied`, `exhausted` */
export function attachTo(b: MemoryBackend, c: Settings, v: StoredVolume, node: string, o: AttachOptions): Attachment {
  assertOurs(v);
  const mine = v.attachments.find((a) => a.node === node);
  const others = c.multiWriter ? [] : v.attachments.filter((a) => a.node !== node);
  if (others.length > 0) takeOver(b, c, v, o.force);
  if (mine === undefined) assertSlot(b, c, node);
  if (mine === undefined || mine.bootId !== o.bootId) v.epoch += 1;
  if (others.length > 0 || mine === undefined) delete v.releaseAsked;
  const claim = { node, bootId: o.bootId, epoch: v.epoch, since: new Date().toISOString(), readonly: o.readonly };
  const kept = c.multiWriter ? v.attachments.filter((a) => a.node !== node) : [];
  v.attachments = [...kept, mine?.bootId === o.bootId ? { ...mine, readonly: o.readonly } : claim];
  const { path, dev, ino } = v.disk;
  if (c.multiWriter) return { kind: 'share', fsType: 'memory', source: path, options: [], readonly: o.readonly };
  return { kind: 'file', path, readonly: o.readonly, inode: { dev, ino } };
}

export function ownerOf(v: StoredVolume, node: string): Ownership {
  const mine = v.attachments.find((a) => a.node === node);
  const holder = mine ?? v.attachments[0];
  return {
    mine: mine !== undefined,
    epoch: holder?.epoch ?? v.epoch,
    ...(holder !== undefined && { node: holder.node }),
    ...(v.releaseAsked !== undefined && v.releaseAsked !== node && { releaseAsked: v.releaseAsked }),
  };
}

function assertSlot(b: MemoryBackend, { maxAttachments: max }: Settings, node: string): void {
  if (max === undefined) return;
  const used = [...b.volumes.values()].filter((v) => v.attachments.some((a) => a.node === node)).length;
  if (used < max) return;
  throw new VolumeError('exhausted', `Node ${node} has ${used} volumes attached, which is the limit.`, {
    details: { limit: max, used },
  });
}

function takeOver(b: MemoryBackend, { fencing }: Settings, v: StoredVolume, force: AttachOptions['force']): void {
  if (force === false) throw inUse(v);
  if (force === true && fencing === 'none') {
    throw new VolumeError('denied', `Volume "${v.name}" cannot be taken over: its last owner cannot be stopped.`, {
      details: { rule: 'S10', found: `attached to ${v.attachments.map((a) => a.node).join(', ')}` },
      hint: 'Detach it there, or take it "unsafe" once you know that the node is dead.',
    });
  }
  if (fencing === 'none') return;
  const old = v.disk;
  // A switch leaves the last owner on an orphan, and changes the record with it; a detach takes the disk from it and keeps the inode.
  if (fencing === 'switch') {
    v.disk = b.newDisk(old.path, old.sizeBytes, old.content);
    const copied = v.record.format.state === 'formatted' ? { copied: true } : {};
    v.record = { ...v.record, ...copied, revision: b.revision() };
  } else {
    v.disk = { ...old };
    old.gone = true;
  }
}

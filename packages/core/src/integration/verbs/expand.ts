import { setTimeout as sleep } from 'node:timers/promises';
import type { ExpandResult } from '../../api.ts';
import { type Bytes, formatBytes, type Size, toBytes } from '../../bytes.ts';
import { type CallOptions, type Ctx, remaining } from '../../context.ts';
import { VolumeError } from '../../errors.ts';
import type { Device } from '../../host.ts';
import { claimedError, unsupported } from '../facts.ts';
import { mountedHere } from '../quiesce.ts';
import { about, type Step } from '../steps.ts';
import type { Verb } from '../verb.ts';
import { view } from '../view.ts';
import { isBlock, need, type Work } from '../work.ts';
import { workOn } from './gather.ts';

interface ExpandWork extends Work {
  readonly size: Bytes;
  fileSystem: ExpandResult['fileSystem'];
  why?: string;
}

const expandStep: Step<ExpandWork> = {
  name: 'expand',
  does: (c) => `grow the volume to ${formatBytes(c.size)}`,
  async run(c, ctx) {
    c.volume = await need(c.env.driver.expand, 'expand').call(c.env.driver, c.volume.id, c.size, ctx);
  },
};
const growStep: Step<ExpandWork> = {
  name: 'grow-mounted',
  does: () => 'grow the mounted file system',
  when: (c) => isBlock(c) && mountedHere(c),
  async run(c, ctx) {
    const nv = need(c.nv, 'the mount');
    const found = nv.attachment === undefined ? undefined : await c.session.find(nv.attachment, ctx);
    const f = c.volume.record.format;
    if (found === undefined || f.state !== 'formatted') return;
    const device = await grownDevice(c, found, ctx);
    const r = await c.session.grow(device, { fsType: f.fsType, target: need(nv.mount, 'the mount').target }, ctx);
    const behind = device.sizeBytes < c.volume.sizeBytes;
    c.fileSystem = r.grown && !behind ? 'grown' : 'next-mount';
    if (r.why !== undefined) c.why = r.why;
    else if (behind) c.why = `this node still sees a disk of ${formatBytes(device.sizeBytes)}`;
  },
};

/** Platforms answer before every kernel has heard of it: NVMe and Xen disks announce their new size a moment later, in ms. */
const ANNOUNCED_MS = 10_000;

async function grownDevice(c: ExpandWork, found: Device, ctx: Ctx): Promise<Device> {
  const end = performance.now() + Math.min(ANNOUNCED_MS, remaining(ctx) / 2);
  for (let wait = 20; ; wait = Math.min(2 * wait, 500)) {
    const device = await c.session.refresh(found, ctx);
    if (device.sizeBytes >= c.volume.sizeBytes || performance.now() + wait > end) return device;
    await sleep(wait, undefined, { signal: ctx.signal });
  }
}

export const expand: Verb<readonly [string, { readonly size: Size } & CallOptions], ExpandWork, ExpandResult> = {
  op: 'expand',
  locks: ([name]) => [name],
  async gather(scope, [name, o], ctx) {
    if (scope.env.driver.expand === undefined) throw unsupported(scope.env, 'expand');
    const base = await workOn(scope, 'expand', name, ctx);
    const formatted = base.volume.record.format.state === 'formatted';
    const waits = formatted && !mountedHere(base);
    return Object.assign(base, {
      size: toBytes(o.size),
      fileSystem: waits ? ('next-mount' as const) : ('none' as const),
      ...(waits && { why: 'the volume is not mounted on this node' }),
    });
  },
  forbid(c) {
    if (c.size < c.volume.sizeBytes) {
      return new VolumeError(
        'out_of_range',
        `Volume "${c.name}" of service "${c.env.service}" has ${formatBytes(c.volume.sizeBytes)} and cannot shrink to ${formatBytes(c.size)}.`,
        {
          details: { min: c.volume.sizeBytes },
          hint: 'Create a smaller volume and copy the files.',
        },
      );
    }
    const max = c.env.driver.traits.sizes?.max;
    if (max !== undefined && c.size > max)
      return new VolumeError(
        'out_of_range',
        `Volume "${c.name}" cannot grow to ${formatBytes(c.size)}: service "${c.env.service}" makes at most ${formatBytes(max)}.`,
        { details: { max } },
      );
    return mountedHere(c) ? undefined : claimedError(c.env, c.volume);
  },
  // Asked for the size that it has: the file system may still be behind, so that the grow is tried again.
  steps: (c) => [...(c.size > c.volume.sizeBytes ? [expandStep] : []), growStep],
  async result(c, ctx) {
    c.env.events.emit('volume.expanded', { ...about(c, ctx), sizeBytes: c.volume.sizeBytes });
    const notes =
      c.fileSystem === 'next-mount'
        ? [`the file system grows at the next mount${c.why === undefined ? '' : ` (${c.why})`}`]
        : [];
    return {
      volume: view(c.env, c.volume, c.nv, notes),
      fileSystem: c.fileSystem,
      ...(c.why !== undefined && { why: c.why }),
    };
  },
};

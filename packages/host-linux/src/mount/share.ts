import { type Ctx, type MountSpec, remaining, VolumeError } from '@rexray/core';
import type { ChildRunner } from '../child.ts';
import type { ShareAttachment } from '../connect/share.ts';
import { mountOptions } from './options.ts';

const flag = (on: boolean, name: string): string[] => (on ? [name] : []);

/** Shares go through mount(8): their file systems have mount programs of their own (name look-up, protocol versions). */
export async function mountShare(
  a: ShareAttachment,
  target: string,
  spec: MountSpec,
  run: ChildRunner,
  ctx: Ctx,
): Promise<void> {
  const all = [...a.options, ...spec.options];
  const { parameters, readonly } = mountOptions(a.fsType, all); // refuses what is not in the table
  const plain = all.flatMap((o) => o.split(',')).filter((o) => ['noexec', 'noatime', 'nodiratime'].includes(o));
  const options = [
    'nosuid',
    'nodev',
    ...flag(readonly || spec.readonly || a.readonly === true, 'ro'),
    ...plain,
    ...parameters.map((p) => p.join('=')),
  ];
  const r = await run('mount', ['-t', a.fsType, '-o', options.join(','), '--', a.source, target], {
    op: 'mount',
    timeoutMs: remaining(ctx),
    signal: ctx.signal,
  });
  if (r.exitCode === 0) return;
  const said = r.stderr.trim().split('\n').join(' · ');
  throw new VolumeError(
    'unavailable',
    `The share ${a.source} (${a.fsType}) does not mount: ${said || `exit ${r.exitCode}`}.`,
    {
      details: { expected: a.source, found: said },
      hint: /unknown filesystem type|bad option|helper program/.test(said)
        ? `Is the mount program of ${a.fsType} installed? For NFS: apt-get install nfs-common.`
        : 'Is its server reachable from this host?',
    },
  );
}

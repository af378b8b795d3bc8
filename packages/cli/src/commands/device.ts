import { type MountEntry, silentLogger, VolumeError } from '@rexray/core';
import { loadConfig } from '@rexray/runtime/config';
import type { GlobalFlags } from '../context.ts';
import { type Column, print } from '../output.ts';
import { configOptions } from '../session.ts';
import type { Plain, PlainAction } from '../table/row.ts';

interface Device {
  readonly id: number;
  readonly device: string;
  readonly mountPoint: string;
  readonly fsType: string;
  readonly readOnly: boolean;
}
const DEVICE: readonly Column<Device>[] = [
  { head: 'ID', cell: (d) => String(d.id) },
  { head: 'Device', cell: (d) => d.device, gives: 2 },
  { head: 'MountPoint', cell: (d) => d.mountPoint, gives: 1 },
];

/** The kernel's own answer, for this node: no service is opened, and nothing below a mount is touched. */
export async function ls({ io, printing, flags }: Plain<GlobalFlags & { all?: boolean }>): Promise<number> {
  const config = await loadConfig(configOptions(flags, io));
  const { openHost } = await import('@rexray/runtime/daemon');
  const host = await openHost(config, 'in-process', silentLogger);
  try {
    const ctx = { signal: io.signal, deadline: performance.now() + 30_000, requestId: 'device-ls', progress: () => {} };
    const roots = Object.values(config.services).map((s) => s.operations.mount.path);
    const below = flags.all === true ? ['/'] : [...new Set([config.operations().mount.path, ...roots])];
    const found: MountEntry[] = [];
    for (const dir of below) found.push(...(await host.mounts(dir, ctx)));
    const rows = [...new Map(found.map((m) => [m.mountId, m])).values()]
      .map((m) => ({ id: m.mountId, device: m.source, mountPoint: m.target, fsType: m.fsType, readOnly: m.readonly }))
      .sort((a, b) => (a.device < b.device ? -1 : a.device > b.device ? 1 : a.id - b.id));
    await print(io, printing, rows, { rows, columns: DEVICE });
    return 0;
  } finally {
    await host.close();
  }
}

/** A device alone does not say whose data it holds: no claim, no lock, no record (S4, S6). */
export const refuse =
  (verb: string): PlainAction =>
  async () => {
    throw new VolumeError('unsupported', `A device cannot be given to "${verb}": it does not say whose volume it is.`, {
      details: { verb: `device ${verb}` },
      hint: `Use "rexray volume ${verb}" with the name of the volume.`,
    });
  };

/** New disks of a hypervisor: SCSI hosts that do not announce them are asked to look. */
import { readdirSync, realpathSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VolumeError } from '@rexray/core';
import type { DiskAttachment, DiskPlace } from './disk.ts';

/** Between two requests; a bus that looks for disks is slow for those that it has. */
const PAUSE_MS = 2_000;

/** Only disks of SCSI and ATA come from such a host. */
const isScsi = ({ match }: DiskAttachment): boolean =>
  match.wwn !== undefined || /^(ata|scsi|wwn)-/.test(match.byId ?? '');

const isBelow = (path: string, dir: string): boolean => path === dir || path.startsWith(`${dir}/`);

/**
 * Where this disk is looked for: in the usual places, or where its service says. A service may be another machine's (S22): names
 * are read anywhere, for what they lead to is checked; something is written only below the kernel's own tree.
 */
export function placeOf<P extends DiskPlace>(a: DiskAttachment, place: P): P {
  const byIdDir = a.look?.byIdDir ?? place.byIdDir;
  const asked = a.look?.scsiHostDir;
  if (asked === undefined) return { ...place, byIdDir };
  const scsiHostDir = real(asked);
  const inside = [place.sysDir, real(place.sysDir)].some(
    (sys) => sys !== undefined && isBelow(scsiHostDir ?? asked, sys),
  );
  if (inside) return { ...place, byIdDir, scsiHostDir: scsiHostDir ?? asked };
  throw new VolumeError(
    'denied',
    `${asked} is not below ${place.sysDir}: SCSI hosts are asked for disks nowhere else.`,
    {
      details: { rule: 'S22', found: asked, where: place.sysDir },
      hint: 'Set virtualbox.scsiHostPath to /sys/class/scsi_host.',
    },
  );
}

function real(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/** Asks, now and then, while a disk is waited for. */
export class Rescan {
  readonly #dir: string | undefined;
  #last = Number.NEGATIVE_INFINITY;
  /** How many hosts were asked, all times together. */
  asked = 0;

  constructor(a: DiskAttachment, place: DiskPlace) {
    this.#dir = isScsi(a) ? (place.scsiHostDir ?? join(place.sysDir, 'class/scsi_host')) : undefined;
  }

  /** All channels, targets and units of each host. */
  async perhaps(): Promise<void> {
    if (this.#dir === undefined || performance.now() - this.#last < PAUSE_MS) return;
    this.#last = performance.now();
    for (const host of hosts(this.#dir)) {
      try {
        await writeFile(join(this.#dir, host, 'scan'), '- - -');
        this.asked += 1;
      } catch {
        // one that cannot be asked, or that went away
      }
    }
  }
}

function hosts(dir: string): string[] {
  try {
    return readdirSync(dir).filter((name) => /^host\d+$/.test(name));
  } catch {
    return [];
  }
}

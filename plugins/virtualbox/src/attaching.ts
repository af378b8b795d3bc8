import { type Attachment, type AttachOptions, type Logger, VolumeError } from '@rexray/core';
import type { Patience } from './client.ts';
import { is } from './errors.ts';
import type { Locks } from './locks.ts';
import { byIdOf } from './names.ts';
import type { Loaded, Volumes } from './volumes.ts';

export interface Settings {
  readonly controller: string;
  readonly diskIDPath: string;
  readonly scsiHostPath: string;
}

/** Attaching and detaching. VirtualBox’s own attachment is the claim (S5); that it gives one disk to two machines is our business. */
export class Attaching {
  readonly #volumes: Volumes;
  readonly #locks: Locks;
  readonly #settings: Settings;
  readonly #logger: Logger;

  constructor(volumes: Volumes, locks: Locks, settings: Settings, logger: Logger) {
    this.#volumes = volumes;
    this.#locks = locks;
    this.#settings = settings;
    this.#logger = logger;
  }

  async attach(id: string, node: string, o: AttachOptions, p: Patience): Promise<Attachment> {
    const here = await this.#volumes.place.here(p);
    await this.#locks.hold(here, id, p, async () => {
      const v = await this.#volumes.own(id, p);
      if (!(await this.#volumes.client.accessible(id, p))) throw lost(v);
      const others = v.disk.machines.filter((m) => m !== node);
      if (others.length > 0) {
        if (o.force === false) throw await this.#inUse(v, others, p);
        await this.#takeFrom(v, others, node, p);
      }
      await this.#attach(v, node, p);
    });
    return this.#described(id, o.readonly);
  }

  async #attach(v: Loaded, node: string, p: Patience): Promise<void> {
    const { client } = this.#volumes;
    try {
      await client.attach({ disk: v.disk.id, machine: node, controller: this.#settings.controller }, p);
    } catch (e) {
      if (is(e, 'not_found')) throw await this.#noMachine(node, e, p);
      throw e;
    }
  }

  async #noMachine(node: string, cause: unknown, p: Patience): Promise<unknown> {
    if ((await this.#volumes.client.machine(node, p)) !== undefined) return cause;
    return new VolumeError('not_found', `VirtualBox has no machine ${node}.`, { details: { what: 'node' }, cause });
  }

  /** S10: the disk is gone from the loser before the winner gets it. */
  async #takeFrom(v: Loaded, losers: readonly string[], node: string, p: Patience): Promise<void> {
    const { client, notes, place } = this.#volumes;
    const at = new Date().toISOString();
    const note = { ...v.note, taken: { from: losers, by: node, at } };
    await notes.write(await place.here(p), v.disk.id, note, p);
    for (const machine of losers) {
      this.#logger.warn(
        { volume: v.note.name, from: machine, to: node },
        'a disk is taken from a machine by force: what that machine had not written is lost',
      );
      await client.detach({ disk: v.disk.id, machine }, p);
    }
  }

  async #inUse(v: Loaded, others: readonly string[], p: Patience): Promise<VolumeError<'in_use'>> {
    const named = await Promise.all(
      others.map(async (id) => {
        const name = (await this.#volumes.client.machine(id, p).catch(() => undefined))?.name;
        return name === undefined ? id : `"${name}" (${id})`;
      }),
    );
    return new VolumeError('in_use', `Volume "${v.note.name}" is attached to machine ${named.join(', ')}.`, {
      details: { ...(others[0] !== undefined && { node: others[0] }), epoch: 0 },
      hint: 'Detach it there first, or take it over with --force (preempt).',
    });
  }

  #described(id: string, readonly: boolean): Attachment {
    const byIdDir = withoutSlash(this.#settings.diskIDPath);
    const scsiHostDir = withoutSlash(this.#settings.scsiHostPath);
    // The usual places are the host's own business.
    const look = {
      ...(byIdDir !== '/dev/disk/by-id' && { byIdDir }),
      ...(scsiHostDir !== '/sys/class/scsi_host' && { scsiHostDir }),
    };
    return {
      kind: 'disk',
      match: { byId: byIdOf(id) },
      ...(Object.keys(look).length > 0 && { look }),
      ...(readonly && { readonly }),
    };
  }

  async detach(id: string, node: string, p: Patience): Promise<void> {
    const v = await this.#volumes.ownOrAbsent(id, p);
    if (v === undefined || !v.disk.machines.includes(node)) return;
    await this.#volumes.client.detach({ disk: v.disk.id, machine: node }, p);
  }
}

const withoutSlash = (path: string): string => path.replace(/(?<=.)\/+$/, '');

const lost = (v: Loaded): VolumeError<'unavailable'> =>
  new VolumeError('unavailable', `The file of volume "${v.note.name}" is not there: ${v.disk.location}.`, {
    details: { expected: v.disk.location, found: 'no file' },
    hint: 'Look for it on the VirtualBox host; nothing was changed.',
  });

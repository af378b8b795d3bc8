import { type Attachment, type Device, VolumeError } from '@rexray/core';
import { type Connection, unpin } from './connection.ts';

/** What one session has connected, by device. */
export class Connections {
  readonly #byId = new Map<string, Connection>();

  /** A later connection of the same device takes the place of the earlier one, pin included. */
  keep(c: Connection): Device {
    this.drop(c.device.id);
    this.#byId.set(c.device.id, c);
    return c.device;
  }

  /** @throws `invalid` for a device of another session */
  get(device: Device): Connection {
    const c = this.#byId.get(device.id);
    if (c !== undefined) return c;
    throw new VolumeError('invalid', `${device.path} is not connected in this session.`, {
      details: { path: 'device', value: device.id },
      hint: 'Connect it first.',
    });
  }

  find(id: string): Connection | undefined {
    return this.#byId.get(id);
  }

  /** The loop device that we pinned for this image, if it is for reading where writing is asked for, or the reverse. */
  inOtherMode(a: Attachment, readonly: boolean): Connection | undefined {
    if (a.kind !== 'file') return undefined;
    return [...this.#byId.values()].find(
      ({ attachment: b, device }) => b.kind === 'file' && a.path === b.path && device.readonly !== readonly,
    );
  }

  drop(id: string): void {
    const c = this.#byId.get(id);
    if (c === undefined) return;
    unpin(c);
    this.#byId.delete(id);
  }

  dropAll(): void {
    for (const id of [...this.#byId.keys()]) this.drop(id);
  }
}

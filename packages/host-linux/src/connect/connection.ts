import { closeSync } from 'node:fs';
import type { Attachment, Device } from '@rexray/core';

/** An attachment that is reachable, as a session keeps it. */
export interface Connection {
  readonly attachment: Attachment;
  device: Device;
  /** Plain open descriptor of a block device: pins its number and, with autoclear, its binding (S7). */
  pin?: number;
}

export function unpin(c: Connection): void {
  if (c.pin === undefined) return;
  const fd = c.pin;
  delete c.pin;
  closeSync(fd);
}

export interface ConnectOptions {
  readonly readonly: boolean;
  readonly blockSize?: number;
}

/** How a process of the programs is told to strike itself: files in a directory that it knows by SAFETY_TRACE. */
import { join } from 'node:path';

/** `program` rexray or dvdcli itself, `host` the host's worker, `driver` the driver's worker. */
export type Role = 'program' | 'host' | 'driver';
export interface Armed {
  /** Tells one order from the next. */
  readonly id: string;
  /** Which point; -1 = all are told, none is struck. */
  readonly at: number;
}
export const armedFile = (dir: string, role: Role): string => join(dir, `armed.${role}`);
export const pointsFile = (dir: string, role: Role): string => join(dir, `points.${role}`);

/** Everything that looks into a file system on a block device or image, or changes one. */
export { type Checked, type CheckOptions, check } from './check.ts';
export { type FormatOptions, format, MIN_FS_BYTES } from './format.ts';
export { type FreezeOptions, type Frozen, freeze, type Thawed, thawLeftover } from './freeze.ts';
export { type Grown, type GrowOptions, grow } from './grow.ts';
export { type NewUuidOptions, newUuid, type ReplayLog } from './new-uuid.ts';
export { type ProbeOptions, probe } from './probe.ts';
export type { FsProgram, RunChild, Tools } from './programs.ts';
export type { Place } from './reader.ts';

/** Everything that looks into a file system on a block device or image, or changes one. */
export { type Checked, type CheckOptions, check } from './check.ts';
export { type FormatOptions, format, MIN_FS_BYTES } from './format.ts';
export { type FreezeOptions, type Frozen, freeze, thawLeftover } from './freeze.ts';
export { type Grown, type GrowOptions, grow } from './grow.ts';
export { MKFS_OPTIONS } from './mkfs-options.ts';
export { type NewUuidOptions, newUuid, type ReplayLog } from './new-uuid.ts';
export { type ProbeOptions, probe, readSuperblock } from './probe.ts';
export { FS_PROGRAMS, type FsProgram, type RunChild, type Tools } from './programs.ts';
export type { Place } from './reader.ts';

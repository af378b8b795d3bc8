import type { HostDriver } from '@rexray/core';
import { mkfsOptionArgs } from './fs/mkfs-options.ts';
import { mountOptions } from './mount/options.ts';

/** The tables of mkfs and mount (S21), asked before there is a device. @throws `invalid` */
export const checkOptions: NonNullable<HostDriver['checkOptions']> = async (o) => {
  if (o.mkfs !== undefined) mkfsOptionArgs(o.fsType, o.mkfs);
  if (o.mountOptions !== undefined) mountOptions(o.fsType, o.mountOptions);
};
